"""An OpenAPI document as Markdown: routes, parameters, errors and answers. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

_METHODS = ("get", "post", "put", "patch", "delete")
_SHARED = "top_k"  # what takes it takes the search options
_REFERENCE = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a property of a body or an answer."""

    name: str
    schema: Schema
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path; `fields` are its parameters and the properties of its body."""

    method: str
    path: str
    operation: Schema
    fields: Mapping[str, Field]


def render(document: Schema) -> str:
    """Render the search options, the routes, the problems and the answers.

    Args:
        document: OpenAPI 3.1, with examples of the problems by kind.
    """
    schemas: Mapping[str, Schema] = document["components"]["schemas"]
    routes = list(_routes(document, schemas))
    searches = [route for route in routes if _SHARED in route.fields]
    shared = [field for name, field in searches[0].fields.items() if all(name in route.fields for route in searches)]
    names = {field.name for field in shared}
    parts = ["## Search options", _options_text(searches), _table(shared, schemas)]
    parts.append("## Routes")
    for route in routes:
        parts += _route(route, names, schemas)
    parts += ["## Problems", _problems(routes), "## Answers"]
    for name in _answers(routes, schemas):
        schema = schemas[name]
        parts += [f"### {name}", _line(schema.get("description", "")), _answer_table(schema, schemas)]
    return "\n\n".join(part for part in parts if part)


def _options_text(searches: list[Route]) -> str:
    names = ", ".join(f"`{route.method.upper()} {route.path}`" for route in searches)
    return (
        f"Taken by {names}. In a query string a list is repeated or separated by commas; in a body it is a JSON list."
    )


def _routes(document: Schema, schemas: Mapping[str, Schema]) -> Iterator[Route]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                yield Route(method, path, operation, {field.name: field for field in _fields(operation, schemas)})


def _fields(operation: Schema, schemas: Mapping[str, Schema]) -> Iterator[Field]:
    for each in operation.get("parameters", ()):
        text = each.get("description") or each["schema"].get("description", "")
        yield Field(each["name"], each["schema"], each.get("required", False), text)
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield from _properties(_resolved(media["schema"], schemas))


def _properties(schema: Schema) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        yield Field(name, each, name in required, each.get("description", ""))


def _route(route: Route, shared: set[str], schemas: Mapping[str, Schema]) -> Iterator[str]:
    yield f"### `{route.method.upper()} {route.path}`"
    summary = route.operation.get("summary", "")
    yield f"{summary.rstrip('.?')}. Operation `{route.operation['operationId']}`."
    yield _line(route.operation.get("description", ""))
    own = [field for name, field in route.fields.items() if name not in shared or _SHARED not in route.fields]
    yield _table(own, schemas) if own else ""
    if _SHARED in route.fields:
        yield f"{'And' if own else 'Takes'} the [search options](#search-options)."
    errors = ", ".join(f"`{slug}` ({status})" for slug, status, _, _ in _kinds(route.operation))
    good = route.operation["responses"].get("200", {})
    yield f"Answers with {_answered(good, schemas)}." + (f" Problems: {errors}." if errors else "")


def _answered(response: Schema, schemas: Mapping[str, Schema]) -> str:
    for media, content in response.get("content", {}).items():
        schema = content.get("schema", {})
        return _type(schema, schemas) if "$ref" in schema else f"`{media}`"
    return "no body"


def _table(fields: list[Field], schemas: Mapping[str, Schema]) -> str:
    lines = ["| name | type | default | meaning |", "|---|---|---|---|"]
    for field in fields:
        default = "required" if field.required else _default(field.schema)
        lines.append(f"| `{field.name}` | {_type(field.schema, schemas)} | {default} | {_line(field.description)} |")
    return "\n".join(lines)


def _answer_table(schema: Schema, schemas: Mapping[str, Schema]) -> str:
    lines = ["| field | type | present | meaning |", "|---|---|---|---|"]
    for field in _properties(schema):
        present = "always" if field.required else "if known or asked for"
        lines.append(f"| `{field.name}` | {_type(field.schema, schemas)} | {present} | {_line(field.description)} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _default(schema: Schema) -> str:
    default = schema.get("default")
    if default is None or default == []:
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _type(schema: Schema, schemas: Mapping[str, Schema]) -> str:
    """Name a type: a link to an object's table, the values of a choice, the range of a number."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        target = schemas[name]
        return f"[{name}](#{name.lower()})" if target.get("type") == "object" else _type(target, schemas)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(_type(each, schemas) for each in schema[key])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), schemas)}{_most(schema)}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {_type(schema['additionalProperties'], schemas)}"
    return f"{schema.get('type', 'any')}{_range(schema)}"


def _range(schema: Schema) -> str:
    bounds = [
        f"{sign} {int(schema[key]) if schema[key] == int(schema[key]) else schema[key]:,}"
        for key, sign in (("minimum", "≥"), ("maximum", "≤"))
        if key in schema
    ]
    return f" {', '.join(bounds)}" if bounds else ""


def _most(schema: Schema) -> str:
    return f", at most {schema['maxItems']:,}" if "maxItems" in schema else ""


def _kinds(operation: Schema) -> Iterator[tuple[str, str, str, bool]]:
    """The problems of a route: slug, status, title, and whether asking again helps."""
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            for slug, example in content.get("examples", {}).items():
                yield slug, status, example.get("summary", ""), "Retry-After" in response.get("headers", {})


def _problems(routes: list[Route]) -> str:
    kinds = {kind[0]: kind for route in routes for kind in _kinds(route.operation)}
    lines = ["| type: last part | status | title | `Retry-After` |", "|---|---|---|---|"]
    for slug, status, title, again in sorted(kinds.values(), key=lambda kind: (kind[1], kind[0])):
        lines.append(f"| `{slug}` | {status} | {title} | {'yes' if again else ''} |")
    return "\n".join(lines)


def _answers(routes: list[Route], schemas: Mapping[str, Schema]) -> list[str]:
    """Names of the objects that answers and bodies refer to, directly or through others, in order of first mention."""
    found: dict[str, None] = {}

    def follow(value: object) -> None:
        if isinstance(value, Mapping):
            name = str(value.get("$ref", "")).removeprefix(_REFERENCE)
            if name in schemas and name not in found:
                if schemas[name].get("type") == "object":
                    found[name] = None
                follow(schemas[name])
            for key, each in value.items():
                if key not in ("example", "examples"):
                    follow(each)
        elif isinstance(value, list):
            for each in value:
                follow(each)

    for route in routes:
        follow({status: each.get("content") for status, each in route.operation["responses"].items()})
        for field in route.fields.values():
            follow(field.schema)
    return list(found)


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    return schemas[schema["$ref"].removeprefix(_REFERENCE)] if "$ref" in schema else schema


def _line(text: str) -> str:
    """One line, safe within a table."""
    return " ".join(text.split()).replace("|", "\\|")
