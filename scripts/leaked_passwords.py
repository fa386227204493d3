"""Makes the table of leaked passwords of crates/access from a list, the commonest first (scripts/leaked-passwords starts it)."""

import hashlib
import sys

# What crates/access/src/leaked_passwords.rs reads by: change both.
SHORTEST_WHOLE = 12
SHORTEST_WORD = 5
WORDS_OF_THE_FIRST = 100_000


def word_of(password):
    """What is left without the digits and signs before and behind it."""
    start, end = 0, len(password)
    while start < end and not password[start].isalpha():
        start += 1
    while end > start and not password[end - 1].isalpha():
        end -= 1
    return password[start:end]


def main():
    source, out = sys.argv[1:]
    with open(source, encoding="utf-8", errors="strict") as file:
        passwords = [line.rstrip("\r\n").lower() for line in file]
    whole = {password for password in passwords if len(password) >= SHORTEST_WHOLE}
    words = {word_of(password) for password in [*passwords[:WORDS_OF_THE_FIRST], *whole]}
    listed = whole | {word for word in words if len(word) >= SHORTEST_WORD}
    # The first 32 bits of SHA-256, ascending.
    hashes = sorted({hashlib.sha256(text.encode()).digest()[:4] for text in listed})
    with open(out, "wb") as file:
        file.write(b"".join(hashes))
    print(f"{len(whole)} passwords of {SHORTEST_WHOLE} characters and more, {len(listed)} texts, {4 * len(hashes)} bytes")


main()
