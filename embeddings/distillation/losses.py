"""Loss terms of a batch of student embeddings and the teacher's target embeddings."""

import torch
from torch import Tensor, nn

_TEMPERATURE = 0.05


def info_nce(student: Tensor, teacher: Tensor) -> Tensor:
    """InfoNCE loss in both directions (van den Oord et al. 2018), with negatives in both languages.

    Each text must be more similar to its translation than to all other texts of the batch, in either language.

    Args:
        student: Embeddings of the texts in the new language, shape (batch, dimension), length 1.
        teacher: Target embeddings of their translations, same shape and order.
    """
    itself = torch.eye(len(student), dtype=torch.bool, device=student.device)
    across = student @ teacher.T / _TEMPERATURE
    within_student = (student @ student.T / _TEMPERATURE).masked_fill(itself, -torch.inf)
    within_teacher = (teacher @ teacher.T / _TEMPERATURE).masked_fill(itself, -torch.inf)
    labels = torch.arange(len(student), device=student.device)
    forward = nn.functional.cross_entropy(torch.cat([across, within_student], dim=1), labels)
    backward = nn.functional.cross_entropy(torch.cat([across.T, within_teacher], dim=1), labels)
    return (forward + backward) / 2


def relational(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error of the cosines between texts, against the cosines between their translations.

    Relational knowledge distillation (Park et al. 2019), on the cosines within the student and from student to
    teacher.

    Args:
        student: Embeddings of the texts in the new language, shape (batch, dimension), length 1.
        teacher: Target embeddings of their translations, same shape and order.
    """
    others = 1 - torch.eye(len(student), device=student.device)
    target = teacher @ teacher.T
    errors = (student @ teacher.T - target).square() + (student @ student.T - target).square()
    return (errors * others).sum() / (2 * others.sum().clamp(min=1))
