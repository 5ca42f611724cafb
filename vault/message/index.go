// Package message reads mail once, at ingest, and tolerantly.
//
// An [Indexer] takes the bytes of a message as they stream by, in constant memory, and gives an [Index]: the envelope,
// the tree of parts and where each lies in the raw message. Everything later (IMAP FETCH, the web reader, PDF) serves
// byte ranges by the index and never parses the message again.
//
// Nothing is rejected. What breaks a rule of RFC 5322 or RFC 2045 is read as a person would read it; what passes a limit
// of [Limits] ends the descent there, and the part it happened in is one opaque part of text. Text in an index is valid
// UTF-8. There is never a multipart without children.
package message

import (
	"time"

	"sigill/policy"
)

// Index tells the structure of one message. It holds content (subject, names), so it is sealed like the message.
type Index struct {
	// Size is the size of the whole message in octets.
	Size int64 `codec:"1"`
	// Envelope is that of the message itself.
	Envelope Envelope `codec:"2"`
	// Root is the message's body as a part; its header is the message's header.
	Root Part `codec:"3"`
	// Defects are the rules the message breaks and the limits it passes, for people, without content; at most a few.
	Defects []string `codec:"4,omitempty"`
}

// Mailbox is a display name and an address as they were written. Address may be one that policy refuses; Name may be
// empty. It is the mailbox of RFC 5322 section 3.4; a group is given as IMAP gives it (RFC 9051 section 7.5.2): a
// Mailbox with only Name opens it and an empty one closes it.
type Mailbox struct {
	Name  string `codec:"1,omitempty"`
	Local string `codec:"2,omitempty"`
	Host  string `codec:"3,omitempty"`
	Route string `codec:"4,omitempty"` // obsolete (RFC 5322 section 4.4), as ENVELOPE has it: @a.example,@b.example
}

// Envelope is the header fields that lists show and threads are made by (RFC 9051 section 7.5.2, ENVELOPE).
type Envelope struct {
	Date      time.Time `codec:"1"` // zero if absent or unreadable
	Subject   string    `codec:"2,omitempty"`
	From      []Mailbox `codec:"3,omitempty"`
	Sender    []Mailbox `codec:"4,omitempty"`
	ReplyTo   []Mailbox `codec:"5,omitempty"`
	To        []Mailbox `codec:"6,omitempty"`
	Cc        []Mailbox `codec:"7,omitempty"`
	Bcc       []Mailbox `codec:"8,omitempty"`
	MessageID string    `codec:"9,omitempty"` // without angle brackets
	// InReplyTo and References are message ids without angle brackets.
	InReplyTo  []string `codec:"10,omitempty"`
	References []string `codec:"11,omitempty"`
	// RawDate is the Date field as written, for clients that want it so.
	RawDate string `codec:"12,omitempty"`
}

// Param is a parameter of Content-Type or Content-Disposition: the name in lower case, the value decoded (RFC 2231,
// and RFC 2047 where mail clients wrongly use it).
type Param struct {
	Name  string `codec:"1"`
	Value string `codec:"2"`
}

// Part is a node of the MIME tree (RFC 2045). Offsets are octets from the start of the raw message.
type Part struct {
	// Type and Subtype are in lower case: "text", "plain".
	Type    string  `codec:"1"`
	Subtype string  `codec:"2"`
	Params  []Param `codec:"3,omitempty"`
	// Encoding is the content transfer encoding in lower case: "7bit", "8bit", "binary", "quoted-printable", "base64",
	// or what was written if it is none of these.
	Encoding string `codec:"4"`
	// ID is Content-ID without angle brackets.
	ID                string   `codec:"5,omitempty"`
	Description       string   `codec:"6,omitempty"`
	Disposition       string   `codec:"7,omitempty"` // lower case; "" if absent
	DispositionParams []Param  `codec:"8,omitempty"`
	Language          []string `codec:"9,omitempty"`
	Location          string   `codec:"10,omitempty"`
	MD5               string   `codec:"11,omitempty"`
	// Header is the octets of the part's header, with the empty line that ends it.
	Header Range `codec:"12"`
	// Body is the octets of the part's body, without the line end before a closing boundary.
	Body Range `codec:"13"`
	// Lines counts the lines of the body (for text and message/rfc822).
	Lines int64 `codec:"14"`
	// Decoded is the size of the body after content transfer decoding; for base64 and quoted-printable as a decoder that
	// skips junk gives it.
	Decoded int64 `codec:"15"`
	// Children are the parts of a multipart, never none; for message/rfc822 the one embedded message.
	Children []Part `codec:"16,omitempty"`
	// Envelope is that of the embedded message; nil unless message/rfc822.
	Envelope *Envelope `codec:"17,omitempty"`
	// Trimmed tells of quoted-printable that Decoded is without the white space at the ends of lines (RFC 2045 section 6.7,
	// rule 3). Indexes of the first versions count it.
	Trimmed bool `codec:"18,omitempty"`
}

// Range is a run of octets of the raw message.
type Range struct {
	Offset int64 `codec:"1"`
	Size   int64 `codec:"2"`
}

// Limits bound what a hostile message can cost. The zero value means DefaultLimits.
type Limits struct {
	Depth      int // nesting of parts
	Parts      int // parts in all; the last one left to a multipart holds all the rest of it, as text
	HeaderSize int // octets of one part's header that are looked at
	Recipients int // mailboxes kept of one address field
}

// DefaultLimits are those of libraries.md: a mail no client ever wrote does not pass them.
var DefaultLimits = Limits{Depth: 50, Parts: 1000, HeaderSize: 256 << 10, Recipients: 500}

// Address gives the mailbox as policy knows addresses; an error if it is none it accepts.
func (m Mailbox) Address() (policy.Address, error) {
	return policy.ParseAddress(m.Local + "@" + m.Host)
}

// FileName is the name a part should be saved under, "" if it has none: filename of Content-Disposition, else name of
// Content-Type. It may hold slashes and control characters; whoever writes it somewhere cleans it.
func (p *Part) FileName() string {
	if name := param(p.DispositionParams, "filename"); name != "" {
		return name
	}
	return param(p.Params, "name")
}

// Param gives a parameter of Content-Type, "" if absent.
func (p *Part) Param(name string) string { return param(p.Params, name) }

func param(params []Param, name string) string {
	for _, q := range params {
		if q.Name == name {
			return q.Value
		}
	}
	return ""
}
