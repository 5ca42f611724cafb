package web

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"sigill/policy"
)

// letter is the header of a mail that is to be composed.
type letter struct {
	From policy.Address
	Name string // of the sender; "" if none is told
	recipients
	Subject   string // decoded
	Date      time.Time
	MessageID string // without angle brackets, as the two below
	InReplyTo string
	// References of the message that is answered, oldest first.
	References []string
	// Mixed tells that attachments follow the text.
	Mixed bool
}

// composer writes one mail (RFC 5322, RFC 2045) as its pieces come, in constant memory: header and text, then each
// attachment, then Close. Lines end in CRLF and none is longer than 998 octets (RFC 5322 section 2.1.1).
type composer struct {
	w        *bufio.Writer
	boundary string
}

func compose(w io.Writer, l letter, text string) (*composer, error) {
	c := &composer{w: bufio.NewWriterSize(w, 64<<10)}
	c.field("From", fromField(l))
	if len(l.to) > 0 {
		c.field("To", addressList(l.to))
	}
	if len(l.cc) > 0 {
		c.field("Cc", addressList(l.cc))
	}
	if len(l.to)+len(l.cc) == 0 {
		c.field("To", "undisclosed-recipients:;") // all are in Bcc (RFC 5322 section 3.4)
	}
	c.field("Subject", subjectField(l.Subject))
	c.field("Date", l.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	c.field("Message-ID", "<"+l.MessageID+">")
	if plainID(l.InReplyTo) {
		c.field("In-Reply-To", "<"+l.InReplyTo+">")
		c.field("References", strings.Join(threadOf(l), "\r\n "))
	}
	c.field("MIME-Version", "1.0")
	if l.Mixed {
		c.boundary = "=_" + rand.Text() // "=_" is in no quoted-printable and no base64 text
		c.field("Content-Type", `multipart/mixed; boundary="`+c.boundary+`"`)
		c.line("")
		c.line("--" + c.boundary)
	}
	c.field("Content-Type", "text/plain; charset=utf-8")
	c.field("Content-Transfer-Encoding", "quoted-printable")
	c.line("")
	q := quotedprintable.NewWriter(c.w)
	if _, err := io.WriteString(q, canonical(text)); err != nil {
		return nil, err
	}
	if err := q.Close(); err != nil {
		return nil, err
	}
	c.line("")
	return c, nil
}

// attach writes an attachment and gives its octets.
func (c *composer) attach(name, kind string, from io.Reader) (int64, error) {
	c.line("--" + c.boundary)
	c.field("Content-Type", attachmentType(kind))
	c.field("Content-Transfer-Encoding", "base64")
	c.field("Content-Disposition", "attachment;\r\n "+parameter("filename", name))
	c.line("")
	lines := &lineWriter{w: c.w}
	b := base64.NewEncoder(base64.StdEncoding, lines)
	n, err := io.Copy(b, from)
	if err == nil {
		err = b.Close()
	}
	c.line("")
	return n, err
}

// Close ends the mail; an error of any write before comes out here at the latest.
func (c *composer) Close() error {
	if c.boundary != "" {
		c.line("--" + c.boundary + "--")
	}
	return c.w.Flush()
}

func (c *composer) field(name, value string) { c.line(name + ": " + value) }
func (c *composer) line(s string)            { c.w.WriteString(s + "\r\n") } // bufio keeps the error for Flush

// threadOf are the message ids of References, oldest first, the answered message last (RFC 5322 section 3.6.4). Ids come
// out of other people's mails, so what could be more than an id is left out.
func threadOf(l letter) (out []string) {
	const most = 20
	all := append(l.References[max(0, len(l.References)-most):len(l.References):len(l.References)], l.InReplyTo)
	for i, id := range all {
		if i < len(all)-1 && id == l.InReplyTo || !plainID(id) {
			continue
		}
		out = append(out, "<"+id+">")
	}
	return out
}

func plainID(id string) bool {
	return id != "" && len(id) < 500 && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' })
}

// addressList writes an address a line.
func addressList(all []policy.Address) string {
	out := make([]string, len(all))
	for i, a := range all {
		out[i] = "<" + a.String() + ">"
	}
	return strings.Join(out, ",\r\n ")
}

// fromField is the sender, with the name that people know.
func fromField(l letter) string {
	const most = 60
	name := []rune(strings.ToValidUTF8(strings.TrimSpace(l.Name), "\ufffd"))
	if len(name) == 0 {
		return addressList([]policy.Address{l.From})
	}
	return (&mail.Address{Name: string(name[:min(len(name), most)]), Address: l.From.String()}).String()
}

// subjectField encodes what is not ASCII (RFC 2047), a word a line.
func subjectField(s string) string {
	const most = 400
	if r := []rune(strings.ToValidUTF8(s, "\ufffd")); len(r) > most {
		s = string(r[:most])
	}
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", strings.TrimSpace(s)), "?= =?", "?=\r\n =?")
}

// canonical is text with CRLF at line ends, and without what mail cannot hold.
func canonical(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// attachmentType is the type the browser named, if it is one that may be encoded in base64 (RFC 2046 section 5.1 and 5.2.1).
func attachmentType(kind string) string {
	t, _, err := mime.ParseMediaType(kind)
	if err != nil || len(t) > 120 || !strings.Contains(t, "/") || strings.HasPrefix(t, "multipart/") || strings.HasPrefix(t, "message/") {
		return "application/octet-stream"
	}
	return t
}

// parameter writes a MIME parameter: plain if the value is, else by RFC 2231 section 3 and 4 in pieces of a line each.
func parameter(name, value string) string {
	if value = cmp.Or(value, "file"); plainValue(value) {
		return name + `="` + value + `"`
	}
	var pieces []string
	piece := "utf-8''"
	for i := range len(value) {
		octet := value[i : i+1]
		if !unreserved(value[i]) {
			octet = fmt.Sprintf("%%%02X", value[i])
		}
		if len(piece)+len(octet) > 60 {
			pieces, piece = append(pieces, piece), ""
		}
		piece += octet
	}
	pieces = append(pieces, piece)
	if len(pieces) == 1 {
		return name + "*=" + piece
	}
	for i := range pieces {
		pieces[i] = name + "*" + strconv.Itoa(i) + "*=" + pieces[i]
	}
	return strings.Join(pieces, ";\r\n ")
}

func plainValue(s string) bool {
	return len(s) < 60 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

func unreserved(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '.' || b == '_'
}

// lineWriter breaks base64 into lines of 76 (RFC 2045 section 6.8).
type lineWriter struct {
	w  io.Writer
	at int
}

func (l *lineWriter) Write(p []byte) (n int, err error) {
	const width = 76
	for len(p) > 0 {
		if l.at == width {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return n, err
			}
			l.at = 0
		}
		m, err := l.w.Write(p[:min(len(p), width-l.at)])
		n, l.at, p = n+m, l.at+m, p[m:]
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
