"""What several parts say when something cannot be done."""

NOTHING_DEPLOYED = "nothing is deployed yet; run `coldframe deploy`"
