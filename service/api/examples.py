# ruff: noqa: E501 - quoted answers are not broken
"""Real questions and answers over the abstracts in seeds/, for OpenAPI. A test asks the questions again."""

from typing import Any

QUERY = "segment organs and tumors in CT scans with CLIP"
PAPER = "9bd7f146d1218d109bf9ed5c5219e88ed454bb07"
SNAPSHOT = "efac0c64ccbf"

SEARCH_BODY: dict[str, Any] = {"q": "segment organs and tumors in CT scans with CLIP", "top_k": 2, "why": True}

EXAMPLES_BODY: dict[str, Any] = {
    "positive": ["9bd7f146d1218d109bf9ed5c5219e88ed454bb07"],
    "negative": ["1e3e9bd219984a5b59814688756762c4836876e8"],
    "text": "small models for remote sensing",
    "top_k": 2,
}

BATCH_SEARCH_BODY: dict[str, Any] = {
    "queries": [{"q": "segment organs and tumors in CT scans with CLIP", "top_k": 1}, {"q": " "}]
}

BATCH_RELATED_BODY: dict[str, Any] = {"queries": [{"paper": "9bd7f146", "top_k": 1}, {"paper": "DOI:10.1000/unknown"}]}

SEARCH: dict[str, Any] = {
    "snapshot": "efac0c64ccbf",
    "hits": [
        {
            "id": "86affd4c37d5d63748a1722c317f88fb7795e81b",
            "score": 0.7388092279434204,
            "similarity": 0.6099958419799805,
            "probability": 0.983,
            "title": None,
            "label": "CLIP-Driven Universal Model: embedding learned from Contrastive Language-Image Pre-training (CLIP)…",
            "language": "en",
            "externalIds": {},
            "why": {
                "query_sentence": "segment organs and tumors in CT scans with CLIP",
                "hit_sentence": "The Universal Model can better segment 25 organs and 6 types of tumors by exploiting the semantic relationship between abdominal structures.",
                "similarity": 0.5345678925514221,
            },
        },
        {
            "id": "4cdf5e49470ff6bbbc2dab6d568a226da67f3dcb",
            "score": 0.593936562538147,
            "similarity": 0.4744533896446228,
            "probability": 0.83,
            "title": None,
            "label": "AMO: 大规模,多样的临床数据集,用于腹部器官分割",
            "language": "zh",
            "externalIds": {},
            "why": {
                "query_sentence": "segment organs and tumors in CT scans with CLIP",
                "hit_sentence": "尽管近年来从CT/MRI扫描中自动腹部多器官分割取得了很大进展,但由于缺乏各种临床方案的大规模基准,对模型的能力的全面评估受到阻碍。",
                "similarity": 0.6602435111999512,
            },
        },
    ],
    "total": 42,
    "exhausted": False,
    "found": True,
    "query": {"tokens_seen": 9, "tokens_total": 9, "language": "en"},
}

RELATED: dict[str, Any] = {
    "snapshot": "efac0c64ccbf",
    "paper": "9bd7f146d1218d109bf9ed5c5219e88ed454bb07",
    "hits": [
        {
            "id": "1e3e9bd219984a5b59814688756762c4836876e8",
            "score": 0.315868616104126,
            "similarity": 0.5957860946655273,
            "probability": 0.146,
            "title": None,
            "label": "Explore distillation techniques to transfer the success of large MIM-based pre-trained models to…",
            "language": "en",
            "externalIds": {},
        },
        {
            "id": "8b2b11a053eae8d53378fa90e555ece10f8c82d9",
            "score": 0.30815571546554565,
            "similarity": 0.5296536684036255,
            "probability": 0.14,
            "title": None,
            "label": "RELIANT: framework to mitigate the bias exhibited by the student model",
            "language": "en",
            "externalIds": {},
        },
    ],
    "total": 41,
    "exhausted": False,
    "found": False,
}

EXAMPLES: dict[str, Any] = {
    "snapshot": "efac0c64ccbf",
    "hits": [
        {
            "id": "b1b85e52abba257cba2967aaf4e288ea3da74fda",
            "score": 0.19531086087226868,
            "similarity": 0.365237832069397,
            "probability": 0.077,
            "title": None,
            "label": "CCFL: Computationally Customized Federated Learning",
            "language": "en",
            "externalIds": {},
        },
        {
            "id": "5dbde0b6e9f42c98c8282b4452a9947a4c904e22",
            "score": 0.1891864538192749,
            "similarity": 0.3357318639755249,
            "probability": 0.074,
            "title": None,
            "label": "我们提出了一个基于ESDAGFL的基于事件触发的通信机制的能量优化的",
            "language": "zh",
            "externalIds": {},
        },
    ],
    "total": 40,
    "exhausted": False,
    "found": False,
    "query": {"tokens_seen": 5, "tokens_total": 5, "language": "en"},
}

BATCH_SEARCH: dict[str, Any] = {
    "snapshot": "efac0c64ccbf",
    "results": [
        {
            "snapshot": "efac0c64ccbf",
            "hits": [
                {
                    "id": "86affd4c37d5d63748a1722c317f88fb7795e81b",
                    "score": 0.7388092279434204,
                    "similarity": 0.6099958419799805,
                    "probability": 0.983,
                    "title": None,
                    "label": "CLIP-Driven Universal Model: embedding learned from Contrastive Language-Image Pre-training (CLIP)…",
                    "language": "en",
                    "externalIds": {},
                }
            ],
            "total": 42,
            "exhausted": False,
            "found": True,
            "query": {"tokens_seen": 9, "tokens_total": 9, "language": "en"},
        },
        {
            "type": "urn:related-papers:problem:empty-query",
            "title": "There is nothing to search for",
            "status": 422,
            "detail": "the query has no word to search for; give a few words, a sentence or an abstract",
            "instance": "/batch/search#/queries/1",
            "request_id": "f86f3ad0f06cfa3ee1d26e3484e4baa9",
        },
    ],
}

BATCH_RELATED: dict[str, Any] = {
    "snapshot": "efac0c64ccbf",
    "results": [
        {
            "snapshot": "efac0c64ccbf",
            "paper": "9bd7f146d1218d109bf9ed5c5219e88ed454bb07",
            "hits": [
                {
                    "id": "1e3e9bd219984a5b59814688756762c4836876e8",
                    "score": 0.315868616104126,
                    "similarity": 0.5957860946655273,
                    "probability": 0.146,
                    "title": None,
                    "label": "Explore distillation techniques to transfer the success of large MIM-based pre-trained models to…",
                    "language": "en",
                    "externalIds": {},
                }
            ],
            "total": 41,
            "exhausted": False,
            "found": False,
        },
        {
            "type": "urn:related-papers:problem:paper-not-found",
            "title": "No paper has this id",
            "status": 404,
            "detail": "no paper 'DOI:10.1000/unknown'; give its 40-digit id, the first 8 digits or more of it, or an id of another system with its prefix, such as ARXIV:2301.00001 or DOI:10.1000/x",
            "instance": "/batch/related#/queries/1",
            "request_id": "38ea6d34330e66e1b2af401ccef2aea4",
        },
    ],
}

LISTING: dict[str, Any] = {
    "snapshot": "efac0c64ccbf",
    "total": 42,
    "papers": [
        {
            "id": "86affd4c37d5d63748a1722c317f88fb7795e81b",
            "title": None,
            "label": "CLIP-Driven Universal Model: embedding learned from Contrastive Language-Image Pre-training (CLIP)…",
            "language": "en",
            "externalIds": {},
        },
        {
            "id": "f72aaa6af46189b747077045f6abf798df38dfd5",
            "title": None,
            "label": "CORGI-PM: Chinese cOrpus foR Gender bIas Probing and Mitigation",
            "language": "en",
            "externalIds": {},
        },
    ],
}

PAPER_SHOWN: dict[str, Any] = {
    "snapshot": "efac0c64ccbf",
    "id": "9bd7f146d1218d109bf9ed5c5219e88ed454bb07",
    "title": None,
    "label": "GHOST: Guided Hybrid Quantization with One-to-one Self-Teaching",
    "language": "en",
    "externalIds": {},
    "abstract": "Considering the computation complexity, we propose a Guided Hybrid Quantization with One-to-one Self-Teaching (GHOST}) framework. More concretely, we first design a structure called guided quantization self-distillation (GQSD), which is an innovative idea for realizing lightweight through the synergy of quantization and distillation. The training process of the quantization model is guided by its full-precision model, which is time-saving and cost-saving without preparing a huge pre-trained model in advance. Second, we put forward a hybrid quantization (HQ) module to obtain the optimal bit width automatically under a constrained condition where a threshold for distribution distance between the center and samples is applied in the weight value search space. Third, in order to improve information transformation, we propose a one-to-one self-teaching (OST) module to give the student network a ability of self-judgment. A switch control machine (SCM) builds a bridge between the student network and teacher network in the same location to help the teacher to reduce wrong guidance and impart vital knowledge to the student. This distillation method allows a model to learn from itself and gain substantial improvement without any additional supervision. Extensive experiments on a multimodal dataset (VEDAI) and single-modality datasets (DOTA, NWPU, and DIOR) show that object detection based on GHOST outperforms the existing detectors. The tiny parameters (<9.7 MB) and Bit-Operations (BOPs) (<2158 G) compared with any remote sensing-based, lightweight or distillation-based algorithms demonstrate the superiority in the lightweight design domain. Our code and model will be released at https://github.com/icey-zhang/GHOST.",
    "sources": [{"file": "seeds/000_705029e5f8c2de55.txt", "line": 5}],
    "tokens_seen": 373,
    "tokens_total": 373,
}

ALIVE: dict[str, Any] = {"status": "alive"}

READY: dict[str, Any] = {
    "status": "ready",
    "snapshot": "efac0c64ccbf",
    "built_at": "2026-11-24T17:22:52+00:00",
    "published_at": "2026-11-24T17:22:52+00:00",
    "age_seconds": 1.074585,
}

INFO: dict[str, Any] = {
    "version": "0.1.0",
    "snapshot": "efac0c64ccbf",
    "model": {
        "name": "embedded/all-MiniLM-L6-v2-en-zh",
        "revision": None,
        "fingerprint": "418667b9df4cb2a3",
        "dimension": 384,
        "window_tokens": 256,
        "max_tokens": 0,
        "device": "cpu",
        "backend": "openvino",
        "precision": "f32",
    },
    "counts": {
        "papers": 42,
        "entries": 50,
        "by_language": {"en": 34, "zh": 8},
        "rejected": {},
        "extra_dropped": {},
        "not_read_whole": 0,
    },
    "index": {"kind": "faiss", "factory": "Flat", "effort": 0, "refine": 1},
    "evaluation": {"index_recall_at_10": 1.0, "queries": 42, "wanted": 0.98, "pareto": []},
    "duplicates": {"least_score": 0.94, "least_twin_score": 0.84, "groups": 0, "papers": 0},
    "versions": {
        "sentence-transformers": "6.2.0",
        "torch": "2.13.0+cpu",
        "transformers": "5.23.0",
        "faiss": "1.15.1",
        "sqlite": "3.40.1",
    },
    "limits": {
        "max_top_k": 100,
        "max_offset": 10000,
        "max_why": 20,
        "max_query_chars": 20000,
        "max_batch": 100,
        "max_body_bytes": 4194304,
        "search_threads": 8,
        "max_waiting": 64,
        "admission": "Each worker answers 8 requests at a time and lets 64 wait; a batch counts as one. Beyond that a request is answered 503 with Retry-After at once.",
    },
    "workers": 1,
    "threads": 2,
}

METRICS = 'related_papers_requests_total{method="GET",route="/search",status="200"} 1.0\n'
