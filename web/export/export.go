// Package export writes a message as a PDF file, for a citizen to keep and an authority to file.
//
// The file is made by the rules of PDF/A-2 level b (ISO 19005-2): every font is embedded, there is an sRGB output
// intent and XMP metadata that says so, no encryption, no script, nothing fetched. The same Message gives the same
// octets.
//
// What is not reached: the file has no tags, so it is neither level a nor PDF/UA and a screen reader gets its text but
// not its structure; the web page of the message is the accessible form. No validator is part of the tests, so
// conformance is intended and checked point by point, not certified. Attachments are listed with their checksums, not
// embedded. The fonts (Go Regular, Bold, Italic) hold Latin with the letters of the Nordic languages and of North, Lule
// and South Sámi, Greek and Cyrillic. What they lack is printed from DejaVu Sans, in one style, if it is there: the rest of
// Skolt Sámi, Hebrew, Arabic, Persian, Armenian, Georgian and others. Any other character, emoji among them, is printed as a
// box and the last page says how many there were. Characters that have no shape (zero-width and direction marks, soft hyphens, variation selectors) are
// left out; those that set directions or isolate text do nothing.
//
// Text from right to left stands so, each paragraph by its first letter (Unicode Annex 9). Arabic letters are joined by the
// shapes that Unicode has code points for, so some of Sorani and Pashto stand alone; programs that read the text back get
// those code points, which NFKC makes letters. Vowel points stand near their letters and not exactly on them.
//
// The dates in the information dictionary are UTC and do not say so, which the library leaves no way to; those in the
// XMP metadata do.
package export

import (
	"errors"
	"time"
)

// MaxBody is how many octets of text a message may have, headers and all.
const MaxBody = 5 << 20

// MaxPages is how many pages a message may take; only a text of very many very short lines comes there.
const MaxPages = 10_000

// ErrTooLarge says that a message is too large to print.
var ErrTooLarge = errors.New("export: the message is too large for a PDF")

// Message is what is printed. Text may be any octets; what is not UTF-8 shows as boxes.
type Message struct {
	// From, To and Cc are mailboxes as people read them: "Anna Ek <anna.ek@exempel.se>".
	From    string
	To, Cc  []string
	Subject string
	// Sent is the Date of the message and Received when it came in; a zero time is left out. Times print in Swedish time.
	Sent, Received time.Time
	// Body is plain text.
	Body        string
	Attachments []Attachment
	MessageID   string // without angle brackets; left out if empty
	// Organisation heads the page: "Exempels kommun".
	Organisation string
	// Language is "sv" or "en", of the labels and the document; anything else is "sv".
	Language string
	// Printed is when the export was made. It is also the time of creation in the file. Zero is taken for 1970.
	Printed time.Time
	// Receipt, if not nil, is the proof that the message came in.
	Receipt *Receipt
}

// Attachment is one attachment as it is listed.
type Attachment struct {
	Name   string
	Type   string // media type: "application/pdf"
	Size   int64  // octets
	SHA256 [32]byte
	// Fenced tells that it may be malware and was not read: it has no checksum.
	Fenced bool
}

// Receipt is the receipt of a reply.
type Receipt struct {
	At time.Time
	ID string
}
