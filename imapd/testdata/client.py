"""A session of Python's imaplib: argv is port, CA file, address, password. The mail to compare comes on standard input."""
import imaplib, ssl, sys

port, ca, address, password = sys.argv[1:]
want = sys.stdin.buffer.read()


def ok(result):
    status, data = result
    assert status == "OK", result
    return data


c = imaplib.IMAP4_SSL("127.0.0.1", int(port), ssl_context=ssl.create_default_context(cafile=ca))
ok(c.authenticate("PLAIN", lambda _: b"\0" + address.encode() + b"\0" + password.encode()))
names = [line.decode() for line in ok(c.list())]
assert any('"Shared/omsorg@kommun.example"' in n for n in names), names
assert any("\\Drafts" in n for n in names), names
assert ok(c.namespace())
assert ok(c.select("INBOX")) == [b"1"]
assert ok(c.fetch("1", "(RFC822)"))[0][1] == want
assert ok(c.fetch("1", "(BODY.PEEK[]<5.10>)"))[0][1] == want[5:15]
assert b"\\Seen" in ok(c.fetch("1", "(FLAGS)"))[0]
assert ok(c.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT", '"brev"')) == [b"1"]
c.literal = "Ärende".encode()
assert ok(c.search("UTF-8", "SUBJECT")) == [b"1"]
assert ok(c.append("Drafts", "(\\Draft)", None, want.replace(b"Message-ID: <", b"Message-ID: <2.")))
assert c.create("Projekt")[0] == "OK"
ok(c.store("1", "+FLAGS", "(\\Flagged)"))
ok(c.copy("1", "Trash"))
ok(c.store("1", "+FLAGS", "(\\Deleted)"))
assert ok(c.expunge()) == [b"1"]
assert ok(c.status("Trash", "(MESSAGES)")) == [b'"Trash" (MESSAGES 1)']
ok(c.close())
assert c.logout()[0] == "BYE"
