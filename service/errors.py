"""What can go wrong in the service itself; the engine's own exceptions are in `embeddings.errors`.

RelatedPapersError
└── ServiceError
    ├── Overloaded      more requests wait than may
    ├── ShuttingDown    the service ends and takes no more work
    ├── BodyTooLarge    a request body is longer than `max_body_bytes`
    ├── CannotListen    the address cannot be listened on
    └── InvalidSettings a setting has a value that it cannot have
"""

from embeddings.errors import RelatedPapersError


class ServiceError(RelatedPapersError):
    """The service cannot do its part."""


class Overloaded(ServiceError):
    """More requests wait than may."""


class ShuttingDown(ServiceError):
    """The service ends and takes no more work."""


class BodyTooLarge(ServiceError):
    """A request body is longer than the service reads."""


class CannotListen(ServiceError):
    """The address cannot be listened on."""


class InvalidSettings(ServiceError):
    """A setting has a value that it cannot have."""
