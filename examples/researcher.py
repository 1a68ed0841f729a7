"""Find related work for a draft: python examples/researcher.py [FOLDER].

The cells (`# %%`) run one by one in Jupyter, VS Code or Spyder. FOLDER receives the papers, the snapshot and the table.
"""

# %% Where files are written
import csv
import json
import sys
from pathlib import Path

import embeddings

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("related-work")
folder.mkdir(parents=True, exist_ok=True)

# %% Our papers: one JSON object a line; only `abstract` is required
papers = [
    {
        "title": "Federated learning on phones",
        "year": 2023,
        "abstract": "Phones train a shared model without sending their data to a server. We compress the updates, "
        "so that training works over slow mobile networks.",
    },
    {
        "title": "Generating drum tracks",
        "year": 2022,
        "abstract": "A transformer writes drum tracks for a given melody. Listeners preferred its rhythms to those "
        "of a recurrent network.",
    },
    {
        "title": "Plastic-degrading enzymes in soil",
        "year": 2021,
        "abstract": "We sequenced bacteria from landfill soil. Two new enzymes break down polyester at room "
        "temperature.",
    },
    {
        "title": "基于深度学习的医学图像分割",
        "year": 2020,
        "abstract": "本文提出一种用于医学图像分割的深度学习方法。该方法在肝脏肿瘤数据集上取得了更高的精度。",
    },
]
source = folder / "papers.jsonl"
source.write_text("".join(json.dumps(paper, ensure_ascii=False) + "\n" for paper in papers), encoding="utf-8")

# %% Build a snapshot; a second run embeds only new papers
report = embeddings.build_snapshot([str(source)], embeddings.BuildOptions(snapshots=folder / "snapshots"))
print(f"{report.manifest.counts['papers']} papers, {report.embedded} of them embedded now")

# %% Search for a draft abstract, in English and in Chinese; a query finds papers in both languages
drafts = {
    "en": "We study how hospitals can train a model for tumour segmentation together. No hospital shares its images.",
    "zh": "我们研究多家医院如何共同训练肿瘤分割模型。各医院不共享图像数据。",
}
searcher = embeddings.open_searcher(folder / "snapshots")
options = embeddings.SearchOptions(top_k=3, why=True)
answers = {language: searcher.search(text, options) for language, text in drafts.items()}

# %% Which sentences match: `why=True` adds the pair of sentences with the highest cosine to each hit
for language, answer in answers.items():
    print(f"\nDraft ({language})")
    for hit in answer.hits:
        print(f"  {hit.score:.2f}  {hit.paper.title}")
        if hit.highlight is not None:
            print(f"        draft: {hit.highlight.query_sentence}")
            print(f"        paper: {hit.highlight.hit_sentence}")

# %% Save the table for a spreadsheet (the byte order mark lets Excel recognise UTF-8)
table = folder / "related.csv"
with table.open("w", newline="", encoding="utf-8-sig") as file:
    writer = csv.writer(file)
    writer.writerow(["draft", "score", "similarity", "id", "year", "title", "sentence of the paper"])
    for language, answer in answers.items():
        for hit in answer.hits:
            sentence = "" if hit.highlight is None else hit.highlight.hit_sentence
            paper = hit.paper
            writer.writerow([language, hit.score, hit.similarity, paper.id, paper.year, paper.title, sentence])
print(f"\nwrote {table}")
