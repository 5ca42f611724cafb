package imapd

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// text is FETCH responses as octets. The library can write them too, from types of its own, at twice the cost of all the
// rest of a listing.
type text struct {
	b    []byte
	more bool // an item has been written
	utf8 bool // the client takes UTF-8 in quoted strings (RFC 6855 section 3)
}

// maxQuoted is the longest quoted string; what is longer is a literal.
const maxQuoted = 4096

func (t *text) raw(s string) { t.b = append(t.b, s...) }

// begin begins a response about a message.
func (t *text) begin(num uint32) {
	t.more = false
	t.raw("* ")
	t.number(int64(num))
	t.raw(" FETCH (")
}

// item begins an item of a response that has been begun.
func (t *text) item(name string) {
	if t.more {
		t.raw(" ")
	}
	t.more = true
	t.raw(name)
	t.raw(" ")
}

func (t *text) number(n int64) { t.b = strconv.AppendInt(t.b, n, 10) }

// string writes a quoted string, or a literal if it cannot be one (RFC 3501 section 4.3).
func (t *text) string(s string) {
	if t.quote(s) {
		return
	}
	begin := len(t.b)
	t.raw(`"`)
	from := 0 // of what is not yet copied
	for i := range len(s) {
		switch c := s[i]; {
		case c == 0, c == '\r', c == '\n', c > unicode.MaxASCII && !t.utf8, len(s) > maxQuoted:
			t.b = t.b[:begin]
			t.literal(int64(len(s)))
			t.raw(s)
			return
		case c == '"', c == '\\':
			t.raw(s[from:i])
			t.raw(`\`)
			from = i
		}
	}
	t.raw(s[from:])
	t.raw(`"`)
}

// quote writes what can be quoted as it stands.
func (t *text) quote(s string) bool {
	if !simple(s) {
		return false
	}
	t.b = append(append(append(t.b, '"'), s...), '"')
	return true
}

// simple tells what can be quoted as it stands, as nearly all texts can.
func simple(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return len(s) <= maxQuoted-len("<>")
}

// clean writes a string without what none may hold.
func (t *text) clean(s string) {
	if !t.quote(s) {
		t.string(clean(s))
	}
}

// word writes text as a header has it (RFC 2047), and NIL for what is absent.
func (t *text) word(s string) {
	switch {
	case s == "":
		t.raw("NIL")
	case !t.quote(s):
		t.string(word(s))
	}
}

// literal writes the head of a literal whose octets follow.
func (t *text) literal(size int64) {
	t.raw("{")
	t.number(size)
	t.raw("}\r\n")
}

// nstring is string, and NIL for what is absent.
func (t *text) nstring(s string) {
	if s == "" {
		t.raw("NIL")
		return
	}
	t.string(s)
}

func (t *text) flags(m marks) {
	begin := len(t.b)
	t.raw("(")
	for f := range flagsOf(m) {
		if len(t.b) > begin+1 {
			t.raw(" ")
		}
		t.raw(string(f))
	}
	t.raw(")")
}

// names is how a client has named what it wants. The library alone knows: RFC822 is answered by RFC822 and BODY[] by
// BODY[]. It is asked, once for each command, by what it would write.
type names struct {
	sections   []string // one for each section
	structures []string // BODY, BODYSTRUCTURE or both
}

func (s *session) names(w *imapserver.FetchWriter, o *imap.FetchOptions) (n names) {
	probe := func(write func(*imapserver.FetchResponseWriter)) string {
		var out bytes.Buffer
		s.conn.probe = &out
		defer func() { s.conn.probe = nil }()
		m := w.CreateMessage(1)
		write(m)
		m.Close() // a buffer takes all
		return strings.TrimPrefix(out.String(), "* 1 FETCH (")
	}
	for _, item := range o.BodySection {
		name := probe(func(m *imapserver.FetchResponseWriter) { m.WriteBodySection(item, 0).Close() })
		n.sections = append(n.sections, strings.TrimSuffix(name, " {0}\r\n)\r\n"))
	}
	if o.BodyStructure == nil {
		return n
	}
	all := probe(func(m *imapserver.FetchResponseWriter) {
		m.WriteBodyStructure(&imap.BodyStructureSinglePart{Extended: &imap.BodyStructureSinglePartExt{}})
	})
	for _, name := range []string{"BODY", "BODYSTRUCTURE"} {
		if strings.Contains(" "+all, " "+name+" (") {
			n.structures = append(n.structures, name)
		}
	}
	return n
}
