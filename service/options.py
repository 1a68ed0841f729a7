"""The settings that `serve` takes as options too: what they say and may be. Light to import."""

from enum import StrEnum

ENV_PREFIX = "RELATED_PAPERS_"


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least important lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


# Setting → what it is for
OPTIONS = {
    "snapshots": "Folder of all snapshots, as `related-papers build` fills.",
    "host": "Address to listen on; 0.0.0.0 listens on all.",
    "port": "Port to listen on; 0 lets the system choose.",
    "workers": "Processes. Each loads the model; they share the mapped snapshot.",
    "model": "Where the snapshot's model lies now, if not under the name in its manifest.",
    "device": "Where the model computes: cpu, cuda, …; chosen if not given.",
    "backend": "Who computes the model: auto, torch or openvino.",
    "precision": "With which numbers: f32, bf16, or auto: as the snapshot.",
    "threads": "Processors for one pass through the model; else those of the container, per worker.",
    "log_format": "How log lines are written: text or json.",
    "log_level": "Least important lines: debug, info, warning or error.",
}
