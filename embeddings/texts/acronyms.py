"""Acronyms and names of systems: how they are written, and the long forms of acronyms. Pure."""

# Acronyms of general concepts, which do not name a paper's own system even in `we present a convolutional neural
# network (CNN)`.
GENERAL_ACRONYMS = frozenset(
    "AI AR ADMM ANN API ASR AUC BERT BLEU CAD CCA CLIP CNN CPU CRF CS CT CV DCNN DL DNN EEG EER EHR EM FCN FL "
    "FPGA GAN GCN GMM GNN GP GPT GPU HMM HPC IE IOT IR KB KD KG KL LDA LLM LM LP LSTM MAP MCMC MDP MIL ML MLP MRF "
    "MRI MT NER NLG NLI NLP NMF NMT NN OCR OOD PCA PDE PET POMDP QA RGB RL RNN ROI SAT SGD SLAM SMT SNN SOTA SVM "
    "TTS UAV VAE VLM VQA VR ZSL".split()
)


def is_name(word: str) -> bool:
    """Whether a word is written like the name of a system: `GHOST`, `RevCol`, `GPT3`; not `Bayesian`."""
    return sum(char.isupper() or char.isdigit() for char in word) >= 2 or not word.isalpha()


def long_form(short: str, before: str) -> str:
    """Find the long form of an acronym in the words before it (Schwartz and Hearst, 2003); empty if there is none."""
    at = len(before)
    letters = [char for char in short.lower().removesuffix("s") if char.isalnum()]
    for i, letter in reversed(list(enumerate(letters))):
        at = before.lower().rfind(letter, 0, at)
        while i == 0 and at > 0 and before[at - 1].isalnum():  # the first letter must begin a word
            at = before.lower().rfind(letter, 0, at)
        if at < 0:
            return ""
    long = before[at:].strip()
    return long if len(long) > len(short) and len(long.split()) <= 2 * len(letters) + 2 else ""
