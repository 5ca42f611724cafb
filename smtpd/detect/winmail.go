package detect

import (
	"bytes"
	"strings"

	"sigill/vault/message"
	"sigill/vault/message/tnef"
)

// winmailStart begins winmail.dat: tnef.Signature, least octet first.
const winmailStart = "\x78\x9f\x3e\x22"

// winmail looks through the mail that Outlook packed into one file: its body, which may be there in three forms, and its
// attachments.
func (l *look) winmail(packed []byte, depth int) counts {
	m, err := tnef.Decode(packed)
	if err != nil || depth > l.limits.Depth {
		l.beyond = true
		return l.none()
	}
	l.beyond = l.beyond || len(m.Defects) > 0
	n := l.texts(m.Subject)
	body := l.texts(m.Text)
	body.most(l.html(message.Text(&message.Part{}, bytes.NewReader(m.HTML))))
	body.most(l.plain(bytes.NewReader(m.RTF)))
	n.add(body)
	for _, a := range m.Attachments {
		n.add(l.texts(a.Name))
		n.add(l.packed(strings.ToLower(a.Name), bytes.NewReader(a.Data), depth+1))
	}
	return n
}
