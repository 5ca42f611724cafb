package message

import (
	"errors"
	"io"
	"iter"
	"time"

	"sigill/policy"
)

// Indexer makes an [Index] of a message that is written to it. It is an io.Writer that never fails, takes time linear in
// the message and memory that does not grow with it, whatever the message is. It is not for concurrent use.
type Indexer struct{}

// NewIndexer starts an index. Limits of zero are those of DefaultLimits.
func NewIndexer(l Limits) *Indexer { panic("stub") }

// Write takes the next octets of the message. It never fails; how the message is cut into writes makes no difference.
func (x *Indexer) Write(p []byte) (int, error) { panic("stub") }

// Close gives the index of what was written, also of nothing and of a message that was cut off. The Indexer is of no use
// afterwards.
func (x *Indexer) Close() Index { panic("stub") }

// Field is one field of a header.
type Field struct {
	// Name is the field name as written, less white space before the colon.
	Name string
	// Value is the field body as written, on one line: folds are joined (RFC 5322 section 2.2.3), white space around it
	// is gone. It may hold encoded words and any octets; see DecodeText.
	Value string
	// Range is the octets of the whole field in the block that was parsed, with its last line end.
	Range Range
}

// Header is the fields of a header in the order they stand.
type Header struct {
	Fields []Field
	// Size is the octets of the header with the empty line that ends it.
	Size int
	// Defects tells what was skipped, for people, without content.
	Defects []string
}

// ParseHeader reads the header that b begins with and ignores what follows the empty line. Lines may end in CRLF, LF or
// CR CR LF, an mbox "From " line may come first and white space may stand before a colon. A line that is no field is
// skipped and noted in Defects.
func ParseHeader(b []byte) Header { panic("stub") }

// Get is the value of the first field of that name, in any case; "" if there is none.
func (h Header) Get(name string) string { panic("stub") }

// Values are the values of every field of that name.
func (h Header) Values(name string) []string { panic("stub") }

// Text is Get, decoded by DecodeText.
func (h Header) Text(name string) string { panic("stub") }

// HeaderEnd gives the index after the empty line that ends a header, -1 if b does not hold it yet. A message that begins
// with an empty line has an empty header.
func HeaderEnd(b []byte) int { panic("stub") }

// DecodeText gives the text of an unstructured header field: encoded words decoded (RFC 2047), raw octets read as UTF-8
// or else windows-1252. The result is valid UTF-8.
func DecodeText(s string) string { panic("stub") }

// Subjects are the decoded texts of every Subject field of a header. A mail should have one; some have more, and
// programs differ in which they show, so a tag in any of them counts.
func Subjects(header []byte) []string { panic("stub") }

// ErrSpan means that the runes to cut are not in the subject.
var ErrSpan = errors.New("message: no such runes in the subject")

// CutSubject takes the runes at out of the n-th subject, as Subjects(header)[n] counts both, and gives the header
// without them. Every other octet stays as it was. Errors are ErrSpan.
func CutSubject(header []byte, n int, at policy.Span) ([]byte, error) { panic("stub") }

// MessageIDs are the message ids of a Message-ID, In-Reply-To or References field, without angle brackets.
func MessageIDs(field string) []string { panic("stub") }

// ParseAddresses reads the value of an address field (From, To, Cc) as a person would. It gives at most limit mailboxes
// (all if zero), groups as Mailbox describes them, and loses no address that a person would see.
func ParseAddresses(field string, limit int) []Mailbox { panic("stub") }

// ParseDate reads a Date field, also obsolete and slightly broken ones; false if it is no date. A missing zone is UTC.
func ParseDate(field string) (time.Time, bool) { panic("stub") }

// Body undoes the content transfer encoding of p. Raw is the octets of p.Body. What cannot be decoded is skipped (base64) or
// kept as it is (quoted-printable); an encoding that is not known changes nothing. Errors are those of raw.
func Body(p *Part, raw io.Reader) io.Reader { panic("stub") }

// Text is Body in UTF-8: by the part's charset, or if that is unknown as UTF-8 where it is valid and windows-1252 where not.
// Line ends stay as they are.
func Text(p *Part, raw io.Reader) io.Reader { panic("stub") }

// TextString reads at most limit octets of Text, and tells whether there was more. Errors are those of raw.
func TextString(p *Part, raw io.Reader, limit int) (text string, cut bool, err error) { panic("stub") }

// Part gives the part of an IMAP part number (RFC 9051 section 6.4.5.1): 2, 1 is the part "2.1". Without numbers it is the
// message itself. A message/rfc822 part's own number gives that part; numbers after it go into the embedded message.
func (ix *Index) Part(number ...int) (*Part, bool) { panic("stub") }

// Walk goes through all parts, parents first, with the child indexes (from 0) that lead to them; the path is only
// valid until the next step. An embedded message and its body are one part, the only child of message/rfc822.
func (ix *Index) Walk() iter.Seq2[[]int, *Part] { panic("stub") }

// BestText gives the part that shows the message in the wanted subtype, "html" or "plain"; false if it has none. It looks
// through mixed, related, alternative and signed parts, but neither into attachments nor into embedded messages.
func (ix *Index) BestText(subtype string) (*Part, bool) { panic("stub") }

// Attachments are the parts a reader lists for download: every leaf (an embedded message is one) that is not the text of
// the message. An image of multipart/related is one only if its Content-ID is not in used, the ids the shown HTML refers to
// (see ContentIDs); with a nil used every such image counts as referred to.
func (ix *Index) Attachments(used map[string]bool) []*Part { panic("stub") }

// ByContentID finds a part outside embedded messages by its Content-ID, without angle brackets; a "cid:" URL (RFC 2392)
// must be unescaped first.
func (ix *Index) ByContentID(id string) (*Part, bool) { panic("stub") }

// ContentIDs are the ids that an HTML text refers to by "cid:" URLs (RFC 2392), unescaped.
func ContentIDs(html string) map[string]bool { panic("stub") }
