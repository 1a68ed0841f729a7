"""The one arrow and the doors hold: what may import what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted([*(ROOT / "embeddings").rglob("*.py"), *(ROOT / "service").rglob("*.py")])

# Library → the only module that may import it
DOORS = {
    "sentence_transformers": "embeddings/encoders/backends/sentence_transformer.py",
    "transformers": "embeddings/encoders/backends/sentence_transformer.py",
    "opencc": "embeddings/texts/chinese.py",
    "jieba": "embeddings/distillation/vocabulary.py",
    "huggingface_hub": "embeddings/encoders/model_files.py",
    "openvino": "embeddings/encoders/backends/openvino_backend.py",
    "sqlite3": "embeddings/database.py",
    "pylatexenc": "embeddings/texts/latex_reader.py",
    "py3langid": "embeddings/texts/language.py",
    "sentencex": "embeddings/texts/sentences.py",
    "Stemmer": "embeddings/texts/terms.py",
    "zstandard": "embeddings/readers/streams.py",
    "pyarrow": "embeddings/readers/parquet.py",
    "fsspec": "embeddings/readers/remote.py",
    "bibtexparser": "embeddings/readers/bibtex.py",
    "rispy": "embeddings/readers/ris.py",
    "rich": "embeddings/cli/output.py",
    "threadpoolctl": "embeddings/threads.py",
    "pytrec_eval": "embeddings/evaluation/measures.py",
    "matplotlib": "embeddings/evaluation/plotting.py",
    "prometheus_client": "service/telemetry/metrics.py",
    "orjson": "embeddings/search/results_json.py",
}
# Libraries with several doors: indexes, and their lists on disk; to use a model, and to teach one; to load a tokenizer,
# and to count with it
SHARED = {
    "faiss": {f"embeddings/indexes/faiss/{module}.py" for module in ("assembler", "block_lists", "faiss_index")},
    "torch": {
        "embeddings/encoders/backends/sentence_transformer.py",
        "embeddings/distillation/losses.py",
        "embeddings/distillation/teacher.py",
        "embeddings/distillation/training.py",
    },
    "tokenizers": {
        "embeddings/encoders/backends/sentence_transformer.py",
        "embeddings/encoders/backends/compiled_model.py",
        "embeddings/encoders/encoder.py",
        "embeddings/distillation/vocabulary.py",
    },
}
# What `--help` must not wait for
HEAVY = {
    *("torch", "faiss", "transformers", "tokenizers", "sentence_transformers", "openvino", "jieba", "matplotlib"),
    *("numpy", "fastapi", "starlette", "uvicorn", "pydantic", "pydantic_settings", "orjson", "structlog"),
}
# Modules that take and return values: no files, clock, environment or network
PURE = (
    "ranking/calibration",
    "release/comparison",
    "ranking/mmr",
    "encoders/encoder_info",
    "errors",
    "ranking/fusion",
    "indexes/faiss/choice",
    "texts/acronyms",
    "texts/chinese_labels",
    "texts/english_labels",
    "texts/labels",
    "texts/language",
    "release/overlap",
    "papers",
    "queries",
    "ranking/rocchio",
    "ranking/candidates",
    "ranking/pipeline",
    "ranking/stage",
    "ranking/weights",
    "encoders/backends/base",
    "ranking/stages/smoothing",
    "ranking/stages/lexical",
    "ranking/stages/cross_language",
    "ranking/stages/title",
    "ranking/stages/feedback",
    "ranking/stages/fusion",
    "ranking/stage_names",
    "indexes/base",
    "indexes/cosines",
    "search/arrange",
    "search/highlights",
    "evaluation/significance",
    "texts/cleaning",
    "texts/latex",
    "texts/whitespace",
    "indexes/title_embeddings",
    "indexes/faiss/tuning",
    "encoders/windows",
    "distillation/alignment",
    "distillation/model_card",
    "distillation/recipe",
)
IMPURE_LIBRARIES = {
    "os",
    "pathlib",
    "time",
    "datetime",
    "socket",
    "subprocess",
    "tempfile",
    "shutil",
    "random",
    "urllib",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path, *, at_load_only: bool = False) -> set[str]:
    """Full names of what a module imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if at_load_only:
        nodes: list[ast.AST] = [node for node in tree.body if not is_for_types(node)]
        nodes = [
            inner for node in nodes if not isinstance(node, ast.FunctionDef | ast.ClassDef) for inner in ast.walk(node)
        ]
    else:
        nodes = list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_embeddings_never_import_the_service(path: Path) -> None:
    if name(path).startswith("embeddings/"):
        roots = {module.split(".")[0] for module in imports(path)}
        assert not roots & {"service", "fastapi", "starlette", "uvicorn", "pydantic", "pydantic_settings"}


@pytest.mark.parametrize(
    ("library", "doors"), [*((library, {door}) for library, door in DOORS.items()), *SHARED.items()]
)
def test_each_library_has_its_door(library: str, doors: set[str]) -> None:
    users = {name(path) for path in MODULES if library in {module.split(".")[0] for module in imports(path)}}
    assert users == doors


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_touch_nothing_outside(module: str) -> None:
    roots = {imported.split(".")[0] for imported in imports(ROOT / "embeddings" / f"{module}.py")}
    assert not roots & IMPURE_LIBRARIES


def test_no_module_imports_itself_in_a_circle() -> None:
    known = {name(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__"): path for path in MODULES}
    graph = {module: (imports(path, at_load_only=True) & set(known)) - {module} for module, path in known.items()}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " → ".join((*above, module))
        if module not in done:
            for imported in sorted(graph[module]):
                # A package imports its parts; the parts name the package only as a prefix
                if not (module.startswith(f"{imported}.")):
                    visit(imported, (*above, module))
            done.add(module)

    for module in sorted(graph):
        visit(module, ())


def test_help_loads_nothing_heavy() -> None:
    script = """
import sys
from service.cli import main
try:
    main(["--help"])
except SystemExit:
    print(",".join(sorted({module.split(".")[0] for module in sys.modules})))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = set(said.splitlines()[-1].split(","))
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY), loaded & HEAVY
