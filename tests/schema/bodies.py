"""Bodies that schemathesis cannot write by itself: all of ours that are no JSON are texts."""
import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/toml", "text/dns", "application/octet-stream")
def text(context, value):
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else str(value)).encode("utf-8", "surrogatepass")
