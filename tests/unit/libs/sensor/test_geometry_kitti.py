"""KITTI's calibration: raw recordings, and tracking's way of writing that of objects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from libs.sensor import calibration_checks, calibration_files, cameras, poses, rotations
from libs.sensor.calibration import Miscalibrated

LENSES, VELO, IMU = "calib_cam_to_cam.txt", "calib_velo_to_cam.txt", "calib_imu_to_velo.txt"


def turned(small: Sequence[float]) -> np.ndarray:
    """(3, 3) a turn of a few hundredths about each of the axes."""
    return np.asarray(rotations.matrix(rotations.unit([2.0, *small])))


INNER = np.array([[721.5, 0, 609.6], [0, 721.5, 172.9], [0, 0, 1]])
# From the axes of a lidar (x forward, y left, z up) to those of a camera, and a lean.
TURN = turned([0.01, -0.02, 0.008]) @ [[0, -1, 0], [0, 0, -1], [1, 0, 0]]
RECTIFY = turned([0.004, -0.008, -0.01])
TO_FIRST = np.vstack([np.c_[TURN, [-0.004, -0.076, -0.272]], [0, 0, 0, 1]])
TO_VELO = poses.pose([-0.81, 0.32, -0.8], rotations.unit([1, -0.0074, -0.001, 0.0004]))
# How the lenses stand in the frame of the first one, and what they do.
LEANS = [
    [0.0, 0.0, 0.0],
    [0.008, -0.031, -0.018],
    [0.004, -0.0027, 0.005],
    [0.002, -0.027, -0.017],
]
PLACES = np.array([[0, 0, 0], [-0.537, 0.0045, -0.012], [0.06, -0.0014, 0.0046], [-0.48, 0.01, 0]])
BENT = [-0.37, 0.2, 0.0006, 0.0011, -0.07]


def projection(number: int) -> np.ndarray:
    """P_rect (3, 4): the first lens's turn, the own lens's place."""
    turn = RECTIFY @ lens_turn(number).T
    return np.asarray(INNER @ np.c_[np.eye(3), turn @ PLACES[number]])


def lens_turn(number: int) -> np.ndarray:
    return np.asarray(turned(LEANS[number]))


def printed(name: str, numbers: ArrayLike) -> str:
    return f"{name}: {' '.join(f'{v:.12e}' for v in np.ravel(numbers))}\n"


def files() -> dict[str, str]:
    lenses = "calib_time: 09-Jan-2012 13:57:47\ncorner_dist: 9.950000e-02\n"
    for n in range(4):
        lenses += printed(f"S_0{n}", [1392, 512])
        lenses += printed(f"K_0{n}", [980 + n, 0, 690, 0, 976 + n, 247, 0, 0, 1])
        lenses += printed(f"D_0{n}", BENT)
        lenses += printed(f"R_0{n}", lens_turn(n)) + printed(f"T_0{n}", PLACES[n])
        lenses += printed(f"S_rect_0{n}", [1242, 375])
        lenses += printed(f"R_rect_0{n}", RECTIFY @ lens_turn(n).T)
        lenses += printed(f"P_rect_0{n}", projection(n))
    time = "calib_time: 15-Mar-2012 11:37:16\n"
    velo = time + printed("R", TURN) + printed("T", TO_FIRST[:3, 3]) + printed("delta_f", [0, 0])
    imu = time + printed("R", TO_VELO[:3, :3]) + printed("T", TO_VELO[:3, 3])
    return {LENSES: lenses, VELO: velo, IMU: imu}


def scene(seed: int = 1) -> np.ndarray:
    low, high = [5, -8, -2], [40, 8, 1]
    return np.asarray(np.random.default_rng(seed).uniform(low, high, (200, 3)))


@pytest.mark.parametrize("known", [(LENSES, VELO), (LENSES, VELO, IMU)])
def test_rectified_cameras_of_raw_recordings_project_as_their_matrices_say(
    known: tuple[str, ...],
) -> None:
    rig = calibration_files.kitti_raw({name: files()[name] for name in known})
    points = scene()
    whole = np.c_[points, np.ones(len(points))]
    rectify = np.eye(4)
    rectify[:3, :3] = RECTIFY
    assert [one.name for one in rig.cameras] == ["P0", "P1", "P2", "P3"]
    assert not list(calibration_checks.faults(rig))
    for number in range(4):
        wanted = whole @ (projection(number) @ rectify @ TO_FIRST).T
        found, depth, seen = rig.project(points, f"P{number}")
        np.testing.assert_allclose(found, wanted[:, :2] / wanted[:, 2:], atol=1e-6)
        np.testing.assert_allclose(depth, wanted[:, 2], atol=1e-9)
        assert seen.any() and rig.camera(f"P{number}").height == 375


def test_the_rig_of_a_raw_recording_stands_where_the_imu_is() -> None:
    rig = calibration_files.kitti_raw(files())
    points = scene(2)
    np.testing.assert_allclose(poses.apply(TO_VELO, poses.apply(rig.lidar, points)), points)
    alone = calibration_files.kitti_raw({k: v for k, v in files().items() if k != IMU})
    assert (alone.lidar == np.eye(4)).all()
    np.testing.assert_allclose(alone.to_camera(points, "P3"), rig.to_camera(points, "P3"))


def test_lenses_of_raw_recordings_see_what_their_rectified_images_show() -> None:
    rectified = calibration_files.kitti_raw(files())
    rig = calibration_files.kitti_raw(files(), rectified=False)
    points = scene(3)
    assert not list(calibration_checks.faults(rig)) and rig.camera("P1").distortion == tuple(BENT)
    for number in range(4):
        lens = rig.camera(f"P{number}")
        pixels, _, seen = rig.project(points, lens.name)
        rays = cameras.rays(lens, pixels[seen]) @ (RECTIFY @ lens_turn(number).T).T
        found = rays @ INNER.T
        wanted = rectified.project(points, lens.name)[0][seen]
        assert seen.sum() > 100 and (lens.width, lens.height) == (1392, 512)
        np.testing.assert_allclose(found[:, :2] / found[:, 2:], wanted, atol=1e-6)


def test_cameras_that_a_raw_recording_does_not_have_are_left_out() -> None:
    two = {**files(), LENSES: ""}
    for line in files()[LENSES].splitlines():
        if line.startswith(("R_rect_00", "S_rect_02", "P_rect_02")):
            two[LENSES] += f"{line}\n"
    rig = calibration_files.kitti_raw(two)
    assert [one.name for one in rig.cameras] == ["P2"]
    with pytest.raises(Miscalibrated, match=f"{LENSES}: has no camera: S_00"):
        calibration_files.kitti_raw(two, rectified=False)


@pytest.mark.parametrize(
    ("file", "name", "line", "words"),
    [
        (LENSES, "P_rect_02", "", "calib_cam_to_cam.txt P_rect_02: is missing"),
        (LENSES, "R_rect_00", "", "calib_cam_to_cam.txt R_rect_00: is missing"),
        (LENSES, "S_rect_03", "", "calib_cam_to_cam.txt S_rect_03: is missing"),
        (VELO, "R", "", "calib_velo_to_cam.txt R: is missing"),
        (IMU, "T", "", "calib_imu_to_velo.txt T: is missing"),
        (IMU, "T", "T: 1 2", "calib_imu_to_velo.txt line 3: T has 2 numbers, not 3"),
        (VELO, "T", "T: 1 nan 3", "calib_velo_to_cam.txt line 3: 'nan' is not finite"),
        (VELO, "T", "T: 1e300 2 3", "'1e300' is beyond any length"),
        (VELO, "T", "T: 1,5 2 3", "line 3: '1,5' is no number; write decimals"),
        (VELO, "R", "R: 2 0 0 0 1 0 0 0 1", "calib_velo_to_cam.txt R: is no rotation"),
        (IMU, "R", "R: -1 0 0 0 1 0 0 0 1", "calib_imu_to_velo.txt R: mirrors the scene"),
        (LENSES, "R_rect_00", "R_rect_00: 1 0 0 0 1 0 0 0 5", "R_rect_00: is no rotation"),
        (LENSES, "S_rect_01", "S_rect_01: 1242.5 375", "S_rect_01: 1242.5 x 375 are no whole"),
        (LENSES, "P_rect_01", "P_rect_01: 1 0 0 0 1 0 0 0 0 0 2 0", "P_rect_01: its first three"),
        (LENSES, "P_rect_01", "P_rect_01: 7 0 1 0 5 7 1 0 0 0 1 0", "P_rect_01: its first three"),
    ],
)
def test_what_is_no_raw_calibration_is_told_by_file(
    file: str, name: str, line: str, words: str
) -> None:
    rows = files()[file].splitlines()
    changed = "\n".join(line if row.startswith(f"{name}:") else row for row in rows)
    with pytest.raises(Miscalibrated, match=words):
        calibration_files.kitti_raw({**files(), file: changed})


@pytest.mark.parametrize("name", ["S_01", "K_01", "D_01", "R_01", "T_01"])
def test_what_a_lens_lacks_is_told(name: str) -> None:
    lenses = files()[LENSES].replace(f"{name}:", "X:")
    with pytest.raises(Miscalibrated, match=f"{LENSES} {name}: is missing"):
        calibration_files.kitti_raw({**files(), LENSES: lenses}, rectified=False)


@pytest.mark.parametrize("name", [LENSES, VELO])
def test_a_file_that_a_raw_recording_lacks_is_told(name: str) -> None:
    with pytest.raises(Miscalibrated, match=f"{name}: is missing"):
        calibration_files.kitti_raw({k: v for k, v in files().items() if k != name})


CELLS = st.sampled_from(
    ["0", "1", "-1", "700", "1e-3", "1e308", "nan", "inf", "1,5", "x", "\u0661"]
)
NAMES = st.sampled_from(["R", "T", "S_rect_00", "R_rect_00", "P_rect_00", "K_00", "D_00", "R_00"])


@pytest.mark.fuzz
@settings(max_examples=150)
@given(
    file=st.sampled_from([LENSES, VELO, IMU]),
    name=NAMES,
    cells=st.one_of(*(st.lists(CELLS, min_size=n, max_size=n) for n in (2, 3, 5, 9, 12))),
    rectified=st.booleans(),
)
def test_any_line_of_a_raw_calibration_is_read_or_told(
    file: str, name: str, cells: list[str], rectified: bool
) -> None:
    some = {**files(), file: files()[file] + f"{name}: {' '.join(cells)}\n"}
    try:
        rig = calibration_files.kitti_raw(some, rectified)
    except Miscalibrated as error:
        assert error.field.startswith("calib_")
    else:
        assert all(np.isfinite(one.pose).all() for one in rig.cameras)


# -- tracking --------------------------------------------------------------------------------


def test_tracking_calibration_is_read_with_and_without_colons() -> None:
    """Tracking calls three matrices otherwise than object labels do, and ends them in no colon."""
    velo, imu = TO_FIRST[:3], TO_VELO[:3]
    lenses = "".join(printed(f"P{n}", projection(n)) for n in range(4))
    mine = lenses + printed("R0_rect", RECTIFY) + printed("Tr_velo_to_cam", velo)
    theirs = lenses + printed("R_rect", RECTIFY) + printed("Tr_velo_cam", velo)
    wanted = calibration_files.kitti(mine + printed("Tr_imu_to_velo", imu))
    theirs += printed("Tr_imu_velo", imu)
    bare = "".join(f"{line}  \n" for line in theirs.replace(":", "").splitlines())
    for text in (theirs, bare, theirs.replace("rect:", "rect").replace("_cam:", "_cam")):
        found = calibration_files.kitti(text)
        for one in ("P0", "P1", "P2", "P3"):
            np.testing.assert_array_equal(
                found.project(scene(), one)[0], wanted.project(scene(), one)[0]
            )
    with pytest.raises(Miscalibrated, match="line 7: Tr_imu_to_velo has 11 numbers, not 12"):
        calibration_files.kitti(bare.rstrip().rpartition(" ")[0])
