"""Models that refuse names they do not know, and say which was probably meant; texts that are whole."""

from difflib import get_close_matches
from typing import Annotated, Any, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError


def _whole(text: str) -> str:
    """Refuse halves of surrogate pairs, which JSON can spell and nothing after it can write."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PydanticCustomError("not_unicode", "half of a surrogate pair is no character") from error
    return text


Text: TypeAlias = Annotated[str, AfterValidator(_whole)]


class Strict(BaseModel):
    """Refuses names it does not know: `topk=5`, ignored in silence, would look like an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _suggest(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - anything comes in
        try:
            return handler(data)
        except ValidationError as error:
            failures = error.errors(include_url=False, include_context=False)
        raise ValidationError.from_exception_data(
            cls.__name__,
            [
                InitErrorDetails(
                    type=PydanticCustomError(
                        "unknown_name" if _unknown(failure) else failure["type"],
                        "{message}",
                        {"message": cls._unknown_name(failure["loc"][0]) if _unknown(failure) else failure["msg"]},
                    ),
                    loc=failure["loc"],
                    input=None,
                )
                for failure in failures
            ],
        )

    @classmethod
    def _unknown_name(cls, name: int | str) -> str:
        known = list(cls.model_fields)
        near = get_close_matches(str(name), known, n=1)
        if near:
            return f"unknown name; did you mean {near[0]}?"
        return f"unknown name; the known ones are {', '.join(known)}" if known else "unknown name; none is taken here"


def _unknown(failure: Any) -> bool:  # noqa: ANN401 - pydantic_core.ErrorDetails, before and after rebuilding
    return bool(failure["type"] == "extra_forbidden" and len(failure["loc"]) == 1)
