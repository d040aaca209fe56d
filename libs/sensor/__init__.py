"""Where things are: rotations, boxes, cameras, poses, tracks. Metres and radians, right-handed axes
(`docs/geometry.md`); arrays of numpy, many at once."""
