package export

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusans"
)

// srgb is sRGB2014.icc of the International Color Consortium; its licence lies beside it.
//
//go:embed srgb2014.icc
var srgb []byte

// PDF writes m to w. The error wraps ErrTooLarge if m has too much text, and is w's own if w fails.
func PDF(w io.Writer, m Message) error {
	if m.size() > MaxBody {
		return ErrTooLarge
	}
	d := newDocument(m)
	counted := &layout{doc: d}
	if err := counted.print(); err != nil {
		return err
	}
	f := d.newFile()
	if err := (&layout{doc: d, pdf: f, pages: counted.page}).print(); err != nil {
		return err
	}
	var file bytes.Buffer
	if err := f.Output(&file); err != nil {
		return fmt.Errorf("export: make the PDF: %w", err)
	}
	whole, err := withTrailer(file.Bytes())
	if err != nil {
		return err
	}
	if _, err := w.Write(whole); err != nil {
		return fmt.Errorf("export: write the PDF: %w", err)
	}
	return nil
}

func (m Message) size() int {
	n := len(m.Body) + len(m.From) + len(m.Subject) + len(m.MessageID) + len(m.Organisation)
	for _, s := range slices.Concat(m.To, m.Cc) {
		n += len(s) + 2
	}
	for _, a := range m.Attachments {
		n += len(a.Name) + len(a.Type) + 2*len(a.SHA256)
	}
	if m.Receipt != nil {
		n += len(m.Receipt.ID)
	}
	return n
}

// newFile starts a file with all that a PDF/A needs around its pages.
func (d *document) newFile() *fpdf.Fpdf {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCatalogSort(true)
	f.SetMargins(0, 0, 0)
	f.SetAutoPageBreak(false, 0)
	f.SetCellMargin(0)
	f.SetCreationDate(d.made)
	f.SetModificationDate(d.made)
	f.SetLang(d.words.tag)
	f.SetTitle(d.title, true)
	f.SetAuthor(d.author, true)
	f.SetProducer(producer, false)
	f.SetXmpMetadata(d.xmp())
	f.AddOutputIntent(fpdf.OutputIntentType{
		SubtypeIdent:              fpdf.OutputIntent_GTS_PDFA1,
		OutputConditionIdentifier: "sRGB2014",
		Info:                      "sRGB2014 (IEC 61966-2-1)",
		ICCProfile:                srgb,
	})
	for _, face := range faces {
		// The library appends to slices of the font it is given, so it gets one of its own.
		f.AddUTF8FontFromBytes(family, face.style, bytes.Clone(face.data))
	}
	if d.spare {
		f.AddUTF8FontFromBytes(spare, "", bytes.Clone(dejavusans.TTF))
	}
	return f
}

var (
	errTrailer = errors.New("export: the PDF has another trailer than expected")

	trailerShape = regexp.MustCompile(`trailer\n<<\n/Size (\d+)\n/Root (\d+) 0 R\n/Info \d+ 0 R\n>>\nstartxref\n\d+\n%%EOF\n$`)
)

// maxTrailer is where the trailer is looked for, in octets from the end.
const maxTrailer = 512

// withTrailer mends the trailer. It puts in the file identifier, which PDF/A asks for (ISO 19005-2 section 6.1.3) and
// the library leaves out, and the number of the information dictionary, which the library gets wrong by the output
// intents it writes between that and the catalog. Nothing in a file points behind its trailer, so nothing moves.
func withTrailer(file []byte) ([]byte, error) {
	from := max(0, len(file)-maxTrailer)
	m := trailerShape.FindSubmatchIndex(file[from:])
	if m == nil {
		return nil, errTrailer
	}
	tail := file[from:]
	root, err := strconv.Atoi(string(tail[m[4]:m[5]]))
	if err != nil {
		return nil, errTrailer
	}
	info := root - 1 - outputIntents
	if !bytes.Contains(file, fmt.Appendf(nil, "\n%d 0 obj\n<<\n/Producer ", info)) {
		return nil, errTrailer
	}
	sum := sha256.Sum256(file)
	mended := fmt.Appendf(nil, " 0 R\n/Info %d 0 R\n/ID [<%x> <%x>]\n", info, sum[:16], sum[:16])
	return slices.Concat(file[:from+m[5]], mended, tail[bytes.LastIndex(tail, []byte(">>\nstartxref")):]), nil
}

// outputIntents is how many newFile adds.
const outputIntents = 1

// document is a message made ready for printing.
type document struct {
	Message
	words  words
	zone   *time.Location
	made   time.Time // UTC
	title  string    // of the file
	author string
	// What the fonts lack, counted while the text was made ready, and whether the Go fonts lack something that the spare has.
	boxes int
	spare bool
}

func newDocument(m Message) *document {
	d := &document{Message: m, words: wordsOf(m.Language), zone: stockholm(), made: m.Printed.UTC().Truncate(time.Second)}
	if m.Printed.IsZero() {
		d.made = time.Unix(0, 0).UTC()
	}
	d.title, d.author = metaText(m.Subject), metaText(m.Organisation)
	if d.title == "" {
		d.title = d.words.noSubject
	}
	d.Body = d.printable(m.Body)
	d.Subject = d.oneLine(m.Subject)
	d.From = d.oneLine(m.From)
	d.To, d.Cc = d.oneLines(m.To), d.oneLines(m.Cc)
	d.MessageID = d.oneLine(m.MessageID)
	d.Organisation = d.oneLine(m.Organisation)
	d.Attachments = slices.Clone(m.Attachments)
	for i := range d.Attachments {
		d.Attachments[i].Name = d.oneLine(d.Attachments[i].Name)
		d.Attachments[i].Type = d.oneLine(d.Attachments[i].Type)
	}
	if m.Receipt != nil {
		d.Receipt = &Receipt{At: m.Receipt.At, ID: d.oneLine(m.Receipt.ID)}
	}
	return d
}
