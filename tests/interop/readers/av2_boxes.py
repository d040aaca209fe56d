"""{logs: [folder], cloud, step} -> for each log {ego, world, inside, between} as av2 has them: its
boxes in the frame of the vehicle and, with poses, in the city, [[timestamp, track, category, points
told, [x, y, z, length, width, height, yaw, 8 corners]]], how many points of the cloud are in each,
and boxes in the city where only each step-th of a track is kept and av2 interpolates the others."""

import json
import sys
from dataclasses import replace
from pathlib import Path

from av2.geometry.geometry import mat_to_xyz
from av2.geometry.interpolate import interpolate_pose
from av2.structures.cuboid import CuboidList
from av2.utils.io import read_city_SE3_ego, read_feather, read_lidar_sweep


def main() -> None:
    asked = json.load(sys.stdin)
    cloud = read_lidar_sweep(Path(asked["cloud"])) if "cloud" in asked else None
    found = [log(Path(one), cloud, asked.get("step")) for one in asked["logs"]]
    print(json.dumps(found, default=int))


def log(folder, cloud, step):
    path = folder / "annotations.feather"
    table, cuboids = read_feather(path), CuboidList.from_feather(path).cuboids
    told = list(zip(table["track_uuid"], table["num_interior_pts"], strict=True))
    found = {"ego": rows(cuboids, told)}
    if (folder / "city_SE3_egovehicle.feather").exists():
        ways = read_city_SE3_ego(folder)
        moved = [one.transform(ways[one.timestamp_ns]) for one in cuboids]
        found["world"] = rows(moved, told)
        if step:
            found["between"] = rows(between(moved, [track for track, _ in told], step), told)
    if cloud is not None:
        found["inside"] = [int(one.compute_interior_points(cloud)[1].sum()) for one in cuboids]
    return found


def rows(cuboids, told):
    made = []
    for one, (track, points) in zip(cuboids, told, strict=True):
        yaw = mat_to_xyz(one.dst_SE3_object.rotation)[2]
        numbers = [*one.xyz_center_m, *one.dims_lwh_m, yaw, *one.vertices_m.ravel()]
        made.append([one.timestamp_ns, track, one.category, points, [float(n) for n in numbers]])
    return made


def between(cuboids, tracks, step):
    """Every box of a track's run through sweeps from the two kept ones around it."""
    made = list(cuboids)
    for run in runs(cuboids, tracks):
        for place, number in enumerate(run):
            first = place - place % step
            ends = [cuboids[run[k]] for k in (first, min(first + step, len(run) - 1))]
            times, poses = zip(*((e.timestamp_ns, e.dst_SE3_object) for e in ends), strict=True)
            if times[0] < times[1]:
                pose = interpolate_pose(times, poses, cuboids[number].timestamp_ns)
                made[number] = replace(cuboids[number], dst_SE3_object=pose)
    return made


def runs(cuboids, tracks):
    """Places of the boxes of a track in sweeps that follow each other."""
    stamps = sorted({one.timestamp_ns for one in cuboids})
    sweep = {stamp: place for place, stamp in enumerate(stamps)}
    found, last = [], {}
    for number in sorted(range(len(cuboids)), key=lambda n: cuboids[n].timestamp_ns):
        track, here = tracks[number], sweep[cuboids[number].timestamp_ns]
        before, run = last.get(track, (-2, None))
        if before + 1 != here:
            run = []
            found.append(run)
        run.append(number)
        last[track] = here, run
    return found


main()
