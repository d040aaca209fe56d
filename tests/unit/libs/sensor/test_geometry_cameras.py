"""Cameras, rigs, calibration files of others, and what is refused of them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sensor import (
    calibration,
    calibration_checks,
    calibration_files,
    cameras,
    poses,
    rotations,
)
from libs.sensor.calibration import Miscalibrated, Rig
from libs.sensor.cameras import FISHEYE, Camera

# From a camera's axes (x right, y down, z forward) to the rig's (x forward, y left, z up).
AHEAD = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
PINHOLE = Camera("front", 1000, 600, (800.0, 800.0), (500.0, 300.0), pose=AHEAD)
BENT = replace(PINHOLE, distortion=(-0.2, 0.05, 0.001, -0.002, 0.01))
RATIONAL = replace(PINHOLE, distortion=(0.3, 0.05, 0.001, -0.002, 0.01, 0.4, 0.06, 0.01))
WIDE = replace(
    PINHOLE, model=FISHEYE, focal=(350.0, 350.0), distortion=(0.05, -0.01, 0.003, -0.0005)
)
ALL = [PINHOLE, BENT, RATIONAL, WIDE]


def test_a_pinhole_by_hand() -> None:
    pixels, depth, seen = cameras.project(PINHOLE, [[1, 0.5, 4], [0, 0, -1], [100, 0, 1]])
    assert pixels[0].tolist() == [700, 400]
    assert depth.tolist() == [4, -1, 1] and seen.tolist() == [True, False, False]


def test_distortion_by_hand() -> None:
    lens = replace(PINHOLE, distortion=(0.1, 0.01, 0.02, 0.03))
    x, y = 0.2, 0.1
    square = x * x + y * y
    radial = 1 + 0.1 * square + 0.01 * square**2
    wanted = (
        x * radial + 2 * 0.02 * x * y + 0.03 * (square + 2 * x * x),
        y * radial + 0.02 * (square + 2 * y * y) + 2 * 0.03 * x * y,
    )
    found = cameras.distort(lens, np.array([[x, y]]))[0]
    assert found.tolist() == pytest.approx(wanted, abs=1e-15)
    angle = math.atan(math.hypot(x, y))
    bent = angle * (1 + 0.05 * angle**2 - 0.01 * angle**4 + 0.003 * angle**6 - 0.0005 * angle**8)
    found = cameras.distort(WIDE, np.array([[x, y]]))[0]
    assert math.hypot(*found) == pytest.approx(bent, abs=1e-15)
    assert found[0] / found[1] == pytest.approx(2)


@settings(max_examples=40)
@given(st.sampled_from(ALL), st.integers(0, 2**32 - 1))
def test_what_is_seen_is_found_again(camera: Camera, seed: int) -> None:
    points = np.random.default_rng(seed).uniform((-20, -20, 0.5), (20, 20, 40), (200, 3))
    pixels, depth, seen = cameras.project(camera, points)
    back = cameras.unproject(camera, pixels[seen], depth[seen])
    np.testing.assert_allclose(back, points[seen], atol=1e-6, rtol=1e-7)
    np.testing.assert_allclose(
        cameras.rays(camera, pixels[seen]) * np.linalg.norm(points[seen], axis=1)[:, None],
        points[seen],
        atol=1e-6,
    )


def test_a_lens_that_folds_sees_nothing_beyond_the_fold() -> None:
    folding = replace(PINHOLE, distortion=(-0.5,))
    limit = cameras.reach(folding)
    assert limit == pytest.approx(math.sqrt(1 / 1.5), abs=0.01)
    _, _, seen = cameras.project(replace(folding, focal=(200.0, 200.0)), [[limit * 1.2, 0, 1]])
    assert not seen[0]
    assert np.isnan(cameras.unproject(folding, [[500 + 800 * 0.9, 300]], [1.0])).any()


def plain() -> dict[str, Any]:
    pose = {"x": 1.5, "y": 0, "z": 1.6, "qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5}
    here = {"x": 0, "y": 0, "z": 0, "qw": 1, "qx": 0, "qy": 0, "qz": 0}
    front = {
        "name": "front",
        "width": 1000,
        "height": 600,
        "focal": [800, 800],
        "centre": [500, 300],
        "distortion": [-0.2, 0.05],
        "pose": pose,
        "time": 0.05,
    }
    ego = [{"time": t, "pose": {**here, "x": 10.0 * t}} for t in (0.0, 0.1)]
    return {"lidar": {"pose": {**here, "z": 1.8}, "time": 0.0}, "cameras": [front], "ego": ego}


def test_a_rig_comes_back_from_its_document() -> None:
    first = calibration.rig(plain())
    second = calibration.rig(json.loads(json.dumps(calibration.document(first))))
    np.testing.assert_allclose(first.to_camera_pose("front"), second.to_camera_pose("front"))
    assert first.camera("front").distortion == second.camera("front").distortion == (-0.2, 0.05)
    assert not list(calibration_checks.faults(first))
    assert calibration.rig({}).cameras == ()


def test_between_two_moments_the_rig_has_moved() -> None:
    rig = calibration.rig(plain())
    # Half a metre on at 0.05 s; the camera stands 1.5 m ahead of the rig.
    found = rig.to_camera(np.array([[12.0, 0, 0]]), "front")[0]
    np.testing.assert_allclose(found, [0, -0.2, 12 - 0.5 - 1.5], atol=1e-12)
    still = replace(rig, ego=np.empty((0, 4, 4)), times=())
    np.testing.assert_allclose(still.to_camera(np.array([[12.0, 0, 0]]), "front")[0, 2], 10.5)


def changed(path: str, value: Any) -> dict[str, Any]:
    doc = plain()
    *way, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    at: Any = doc
    for part in way:
        at = at[part]
    at[last] = value
    return doc


@pytest.mark.parametrize(
    ("doc", "field", "words"),
    [
        ([], "", "must be an object of cameras, ego, lidar"),
        (changed("extra", 1), "extra", "unknown field"),
        (changed("cameras.0.fov", 90), "cameras[0].fov", "unknown field"),
        (changed("cameras", {}), "cameras", "must be a list"),
        (changed("cameras.0.width", 0), "cameras[0].width", "1 to 65536"),
        (changed("cameras.0.height", 600.5), "cameras[0].height", "whole number"),
        (changed("cameras.0.focal", [800]), "cameras[0].focal", "list of 2 numbers"),
        (changed("cameras.0.focal", ["800,5", 800]), "cameras[0].focal[0]", "finite number"),
        (changed("cameras.0.centre", [500, math.nan]), "cameras[0].centre[1]", "finite number"),
        (changed("cameras.0.skew", math.inf), "cameras[0].skew", "finite number"),
        (changed("cameras.0.model", []), "cameras[0].model", "pinhole or fisheye"),
        (changed("cameras.0.skew", 10**400), "cameras[0].skew", "finite number"),
        (changed("cameras.0.model", "omni"), "cameras[0].model", "pinhole or fisheye"),
        (changed("cameras.0.distortion", [0.0] * 9), "cameras[0].distortion", "8 at most"),
        (changed("cameras.0.pose.qw", 1), "cameras[0].pose", "length 1.323"),
        (changed("cameras.0.pose", [1]), "cameras[0].pose", "must be an object"),
        (changed("lidar.time", True), "lidar.time", "finite number"),
        (changed("ego.1.time", 0.0), "ego[1].time", "after the one ahead"),
        ({"cameras": [plain()["cameras"][0]] * 2}, "cameras[1].name", "there twice"),
    ],
)
def test_what_is_no_rig_is_refused_by_field(doc: Any, field: str, words: str) -> None:
    with pytest.raises(Miscalibrated, match=words) as told:
        calibration.rig(doc)
    assert told.value.field == field


@pytest.mark.parametrize(
    ("doc", "field", "words"),
    [
        (changed("cameras.0.focal", [-800, 800]), "cameras[0].focal", "above zero"),
        (changed("cameras.0.focal", [800, 400]), "cameras[0].focal", "pixels are square"),
        (changed("cameras.0.focal", [4, 4]), "cameras[0].focal", "not millimetres"),
        (changed("cameras.0.centre", [1200, 300]), "cameras[0].centre", "another scale"),
        (changed("cameras.0.distortion", [-9.0, 0]), "cameras[0].distortion", "folds the image"),
        (changed("cameras.0.pose.x", 1500), "cameras[0].pose", "not millimetres"),
        (changed("cameras.0.time", 50.0), "cameras[0].time", "are these seconds"),
        (changed("ego.1.pose.x", 900), "ego[1].pose", "9000 m/s"),
        (changed("lidar.time", 0.4), "lidar.time", "outside of the ego poses"),
        # The axes of the rig taken for the camera's own: it looks up.
        (
            changed("cameras.0.pose", {"x": 1, "qw": 1}),
            "cameras[0].pose",
            "looks straight up: the camera's axes are x right, y down",
        ),
        (
            changed("cameras.0.pose", {"qw": 0.5, "qx": 0.5, "qy": 0.5, "qz": 0.5}),
            "cameras[0].pose",
            "upside down",
        ),
    ],
)
def test_what_cannot_be_is_told_with_the_reason(doc: Any, field: str, words: str) -> None:
    found = [
        reason for path, reason in calibration_checks.faults(calibration.rig(doc)) if path == field
    ]
    assert any(words in reason for reason in found), list(
        calibration_checks.faults(calibration.rig(doc))
    )


@pytest.mark.parametrize(
    ("model", "distortion"),
    [
        (cameras.PINHOLE, (-0.9, 0.05)),
        (FISHEYE, (-2.5,)),
    ],
)
def test_a_lens_that_folds_halfway_to_the_corners_is_refused(model: str, distortion: Any) -> None:
    lens = replace(PINHOLE, model=model, focal=(400.0, 400.0), distortion=distortion)
    assert any("folds" in reason for _, reason in calibration_checks.faults(Rig((lens,))))


def test_a_mirrored_pose_is_no_rotation() -> None:
    mirror = AHEAD @ np.diag([-1.0, 1, 1, 1])
    rig = Rig((replace(PINHOLE, pose=mirror),))
    assert any("determinant" in reason for _, reason in calibration_checks.faults(rig))


def scene(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform((5, -8, -1), (50, 8, 3), (500, 3))


def test_reprojection_tells_a_calibration_that_is_off() -> None:
    good, points = Rig((PINHOLE,)), scene()
    pixels, _, seen = good.project(points, "front")
    points, pixels = points[seen], pixels[seen]
    marked = replace(PINHOLE, landmarks=np.hstack([points, pixels])[:40])
    assert not list(calibration_checks.faults(Rig((marked,))))
    turned = poses.pose([0, 0, 0], rotations.of_yaw(math.radians(1))) @ AHEAD
    ((path, reason),) = calibration_checks.faults(Rig((replace(marked, pose=turned),)))
    assert path == "cameras[0].landmarks" and "pixels off" in reason
    doc = calibration.document(Rig((marked,)))
    again = calibration.rig(doc).cameras[0]
    np.testing.assert_array_equal(again.landmarks, marked.landmarks)
    doc["cameras"][0]["landmarks"][3].pop("v")
    with pytest.raises(calibration.Miscalibrated, match=r"landmarks\[3\].v: must be a finite"):
        calibration.rig(doc)
    behind = calibration_checks.reprojection(good, "front", -points, pixels)
    assert np.isinf(behind).all()


def test_the_inverse_of_a_pose_is_told() -> None:
    good, points = Rig((PINHOLE,)), scene()
    assert not list(calibration_checks.unseen(good, points))
    wrong = Rig((replace(PINHOLE, pose=poses.inverse(AHEAD)),))
    ((path, reason),) = calibration_checks.unseen(wrong, points)
    assert path == "cameras[0].pose" and "inverse" in reason


# -- files of others ---------------------------------------------------------------------------

KITTI = """P0: 700 0 600 0 0 700 180 0 0 0 1 0
P2: 700 0 600 45.5 0 700 180 -0.35 0 0 1 0.003
R0_rect: 1 0 0 0 1 0 0 0 1
Tr_velo_to_cam: 0 -1 0 0.01 0 0 -1 -0.07 1 0 0 -0.27
Tr_imu_to_velo: 1 0 0 0 0 1 0 0 0 0 1 0
"""


def test_kittis_cameras_project_as_its_matrices_say() -> None:
    rig = calibration_files.kitti(KITTI, {"P2": (1224, 370)})
    points = scene(1)
    velo = np.array([[0, -1, 0, 0.01], [0, 0, -1, -0.07], [1, 0, 0, -0.27]])
    p2 = np.array([[700, 0, 600, 45.5], [0, 700, 180, -0.35], [0, 0, 1, 0.003]])
    in_camera = points @ velo[:, :3].T + velo[:, 3]
    wanted = in_camera @ p2[:, :3].T + p2[:, 3]
    found, depth, _ = rig.project(points, "P2")
    np.testing.assert_allclose(found, wanted[:, :2] / wanted[:, 2:], atol=1e-9)
    np.testing.assert_allclose(depth, wanted[:, 2], atol=1e-9)
    assert rig.camera("P2").width == 1224 and not list(calibration_checks.faults(rig))
    tracking = KITTI.replace("R0_rect:", "R_rect").replace("Tr_velo_to_cam:", "Tr_velo_cam")
    again = calibration_files.kitti(tracking, {"P2": (1224, 370)})
    np.testing.assert_allclose(again.project(points, "P2")[0], found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "P2: is missing"),
        (KITTI.replace("R0_rect", "R9"), "R0_rect: is missing"),
        (KITTI.replace("0.003", "0,003"), "line 2: '0,003' is no number; write decimals"),
        (KITTI.replace("0.003", "nan"), "line 2: 'nan' is not finite"),
        (KITTI.replace(" 0.003", ""), "line 2: P2 has 11 numbers, not 12"),
        (KITTI.replace("R0_rect: 1", "R0_rect: -1"), "R0_rect: mirrors the scene"),
        (KITTI.replace("R0_rect: 1", "R0_rect: 2"), "R0_rect: is no rotation"),
        (KITTI.replace("P2: 700", "P2: -700"), "P2: its first three columns"),
    ],
)
def test_what_is_no_kitti_file_is_told_by_line(text: str, words: str) -> None:
    with pytest.raises(Miscalibrated, match=words):
        calibration_files.kitti(text)


def sustech(**changes: Any) -> dict[str, str]:
    outer = poses.inverse(AHEAD).ravel().tolist()
    doc = {"extrinsic": outer, "intrinsic": [800, 0, 500, 0, 800, 300, 0, 0, 1], **changes}
    return {"front": json.dumps(doc)}


def test_sustechpoints_extrinsic_is_from_lidar_to_camera() -> None:
    rig = calibration_files.sustech(sustech(), {"front": (1000, 600)})
    points = scene(2)
    wanted = Rig((PINHOLE,)).project(points, "front")
    np.testing.assert_allclose(rig.project(points, "front")[0], wanted[0])


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"front": "{"}, "front: is no JSON"),
        ({"front": "[" * 100_000}, "front: is no JSON"),
        ({"front": "[]"}, "front: must be an object"),
        (sustech(extrinsic=[1.0] * 15), "front.extrinsic: must be a list of 16"),
        (sustech(extrinsic=[1.0] * 16), "front.extrinsic: its last row must be 0 0 0 1"),
        (sustech(extrinsic=[1.0] * 12 + [0, 0, 0, 1]), "front.extrinsic: is no rotation"),
        (sustech(intrinsic=None), "front.intrinsic: must be a list of 9"),
        ({"back": sustech()["front"]}, "the size of its image is not known"),
    ],
)
def test_what_is_no_sustech_file_is_told(files: dict[str, str], words: str) -> None:
    with pytest.raises(Miscalibrated, match=words):
        calibration_files.sustech(files, {"front": (1000, 600)})


def nuscenes() -> dict[str, list[dict[str, Any]]]:
    turn = rotations.quaternion(AHEAD[:3, :3]).tolist()
    inner = [[800, 0, 500], [0, 800, 300], [0, 0, 1]]
    mounts = [
        {"token": "c1", "sensor_token": "s1", "translation": [0, 0, 1.8], "rotation": [1, 0, 0, 0]},
        {"token": "c2", "sensor_token": "s2", "translation": [1.5, 0, 1.6], "rotation": turn},
    ]
    mounts[0]["camera_intrinsic"], mounts[1]["camera_intrinsic"] = [], inner
    ego = [
        {"token": f"e{i}", "translation": [x, 0, 0], "rotation": [1, 0, 0, 0]}
        for i, x in ((1, 100.0), (2, 100.5))
    ]
    data = [
        {"token": "d1", "calibrated_sensor_token": "c1", "ego_pose_token": "e1"},
        {"token": "d2", "calibrated_sensor_token": "c2", "ego_pose_token": "e2"},
    ]
    for row, time in zip(data, (1_000_000, 1_050_000), strict=True):
        row |= {"sample_token": "x", "timestamp": time, "is_key_frame": True}
    data[1] |= {"width": 1000, "height": 600}
    sensors = [{"token": "s1", "channel": "LIDAR_TOP"}, {"token": "s2", "channel": "CAM_FRONT"}]
    return {
        "sensor": sensors,
        "calibrated_sensor": mounts,
        "ego_pose": ego,
        "sample_data": data,
    }


def test_a_nuscenes_sample_is_a_rig_with_ego_motion() -> None:
    rig = calibration_files.nuscenes(nuscenes(), "x")
    assert not list(calibration_checks.faults(rig))
    assert (rig.lidar_time, rig.camera("CAM_FRONT").time) == (0, 0.05)
    found = rig.to_camera(np.array([[12.0, 0, 0]]), "CAM_FRONT")[0]
    np.testing.assert_allclose(found, [0, -0.2, 12 - 0.5 - 1.5], atol=1e-9)
    with pytest.raises(Miscalibrated, match="no rows of sample 'y'"):
        calibration_files.nuscenes(nuscenes(), "y")
    for table, junk in (
        ("sensor", [3]),
        ("ego_pose", {"a": 1}),
        ("sample_data", [[]]),
        ("calibrated_sensor", [{"token": []}]),
    ):
        with pytest.raises(Miscalibrated, match=r"tables are not nuScenes'|is in no table"):
            calibration_files.nuscenes({**nuscenes(), table: junk}, "x")
    ragged = nuscenes()
    ragged["calibrated_sensor"][1]["camera_intrinsic"] = [[1, 2], [3]]
    with pytest.raises(Miscalibrated, match="tables are not nuScenes'"):
        calibration_files.nuscenes(ragged, "x")
    broken = nuscenes()
    broken["ego_pose"] = []
    with pytest.raises(Miscalibrated, match="ego_pose is in no table"):
        calibration_files.nuscenes(broken, "x")
    with pytest.raises(Miscalibrated, match="there is no camera 'CAM_BACK'"):
        rig.camera("CAM_BACK")
