"""The endpoints: read the question, ask the engine, answer. One router per idea; a new interface is a new module."""
