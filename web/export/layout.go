package export

import (
	"fmt"
	"strings"

	"codeberg.org/go-pdf/fpdf"
)

// Measures of the page in millimetres, of type in points.
const (
	left, right = 25.0, 185.0 // of A4, 210 by 297
	top, bottom = 30.0, 270.0
	labelWidth  = 32.0

	bodySize, smallSize, headSize = 10.5, 8.5, 18.0
	leading                       = 1.42 // of the type size
)

// gray is a shade from 0, black, to 255.
type gray int

const (
	black gray = 20
	dim   gray = 90
	faint gray = 200
)

// layout places a document on pages. Without a file it counts them.
type layout struct {
	doc   *document
	pdf   *fpdf.Fpdf
	page  int
	pages int // in all, once they are counted
	y     float64
	over  bool // past MaxPages
}

func (l *layout) print() error {
	l.newPage()
	l.heading()
	l.headers()
	l.body()
	l.attachments()
	l.receipt()
	l.missing()
	if l.over {
		return ErrTooLarge
	}
	return nil
}

func (l *layout) newPage() {
	if l.page >= MaxPages {
		l.over = true
		return
	}
	l.page++
	l.y = top
	if l.pdf != nil {
		l.pdf.AddPage()
		l.frame()
	}
}

// frame is what every page has around its text.
func (l *layout) frame() {
	w := l.doc.words
	if l.page > 1 {
		l.put(left, 20, shortened(l.doc.subjectLine(), right-left-60), regular, smallSize, dim)
		org := shortened(l.doc.Organisation, 55)
		l.put(right-regular.width(org, smallSize), 20, org, regular, smallSize, dim)
		l.rule(23)
	}
	l.rule(279)
	l.put(left, 284, fmt.Sprintf(w.printed, w.date(l.doc.made.In(l.doc.zone), false)), regular, smallSize, dim)
	number := fmt.Sprintf(w.page, l.page, l.pages)
	l.put(right-regular.width(number, smallSize), 284, number, regular, smallSize, dim)
}

// subjectLine is the subject as it prints.
func (d *document) subjectLine() string {
	if d.Subject == "" {
		return d.words.noSubject
	}
	return d.Subject
}

// shortened gives as much of s as fits into width millimetres in small type, in visual order.
func shortened(s string, width float64) string {
	line, rest := firstLine(s, regular, smallSize, width)
	if rest != "" {
		line += " …"
	}
	return visual(line, rightToLeft(s))
}

// put draws one line, in visual order, with its baseline at y.
func (l *layout) put(x, y float64, s string, f face, points float64, shade gray) {
	if l.pdf == nil || s == "" {
		return
	}
	l.pdf.SetTextColor(int(shade), int(shade), int(shade))
	for s != "" {
		name, style := family, faces[f].style
		end := strings.IndexFunc(s, spared)
		if end == 0 {
			name, style = spare, ""
			end = strings.IndexFunc(s, func(r rune) bool { return !spared(r) })
		}
		if end < 0 {
			end = len(s)
		}
		l.pdf.SetFont(name, style, points)
		l.pdf.Text(x, y, s[:end])
		x += f.width(s[:end], points)
		s = s[end:]
	}
}

func (l *layout) rule(y float64) {
	if l.pdf == nil {
		return
	}
	l.pdf.SetDrawColor(int(faint), int(faint), int(faint))
	l.pdf.SetLineWidth(0.25)
	l.pdf.Line(left, y, right, y)
}

// need starts a page if less than height is left on this one.
func (l *layout) need(height float64) {
	if l.y+height > bottom {
		l.newPage()
	}
}

// style is how a run of text is set.
type style struct {
	face   face
	points float64
	shade  gray
}

var (
	plainText = style{regular, bodySize, black}
	quoteText = style{regular, bodySize, dim}
	strong    = style{bold, bodySize, black}
	labelText = style{regular, bodySize, dim}
	smallText = style{regular, smallSize, dim}
	noteText  = style{italic, smallSize + 0.5, dim}
)

func (s style) height() float64 { return s.points * mmPerPoint * leading }

// lines sets s from x to the right margin, or from there to x if it is written from right to left.
func (l *layout) lines(x float64, s string, st style) {
	rtl := rightToLeft(s)
	for first := true; (first || s != "") && !l.over; first = false {
		var line string
		line, s = firstLine(s, st.face, st.points, right-x)
		l.need(st.height())
		l.y += st.height()
		from := x
		if rtl {
			from = right - st.face.width(line, st.points)
		}
		l.put(from, l.y, visual(line, rtl), st.face, st.points, st.shade)
	}
}

func (l *layout) heading() {
	l.y = 24
	if l.doc.Organisation != "" {
		l.lines(left, l.doc.Organisation, strong)
	}
	l.y += 5
	l.lines(left, l.doc.words.heading, style{bold, headSize, black})
	l.y += 5
	l.rule(l.y)
	l.y += 2
}

// field sets one row of the table of headers.
func (l *layout) field(label, value string, st style) {
	if value == "" {
		return
	}
	l.need(st.height())
	l.put(left, l.y+st.height(), label, labelText.face, labelText.points, labelText.shade)
	l.lines(left+labelWidth, value, st)
	l.y += 0.8
}

func (l *layout) headers() {
	d, w := l.doc, l.doc.words
	l.field(w.subject, d.subjectLine(), strong)
	l.field(w.from, d.From, plainText)
	l.field(w.to, strings.Join(d.To, ", "), plainText)
	l.field(w.cc, strings.Join(d.Cc, ", "), plainText)
	if !d.Sent.IsZero() {
		l.field(w.sent, w.date(d.Sent.In(d.zone), false), plainText)
	}
	if !d.Received.IsZero() {
		l.field(w.received, w.date(d.Received.In(d.zone), false), plainText)
	}
	l.field(w.messageID, d.MessageID, style{regular, bodySize, dim})
	l.y += 3
	l.rule(l.y)
	l.y += 4
}

// maxBlank is how many empty lines in a row are kept.
const maxBlank = 3

func (l *layout) body() {
	text := strings.Trim(l.doc.Body, "\n")
	if strings.TrimSpace(text) == "" {
		l.lines(left, l.doc.words.noText, noteText)
		return
	}
	blank := 0
	for line := range strings.SplitSeq(text, "\n") {
		if l.over {
			return
		}
		if strings.TrimSpace(line) == "" {
			if blank++; blank <= maxBlank {
				l.y += 0.6 * plainText.height()
			}
			continue
		}
		blank = 0
		st := plainText
		if strings.HasPrefix(line, ">") {
			st = quoteText
		}
		l.lines(left, line, st)
	}
}

// section starts a part after the body, with enough room below its heading.
func (l *layout) section(name string) {
	l.y += 5
	l.need(28)
	if l.y > top {
		l.rule(l.y)
		l.y += 3
	}
	l.lines(left, name, strong)
	l.y += 1
}

func (l *layout) attachments() {
	d, w := l.doc, l.doc.words
	if len(d.Attachments) == 0 {
		return
	}
	l.section(fmt.Sprintf("%s (%d)", w.attachments, len(d.Attachments)))
	for i, a := range d.Attachments {
		l.need(plainText.height() + 2*smallText.height())
		l.put(left, l.y+plainText.height(), fmt.Sprintf("%d.", i+1), regular, bodySize, dim)
		l.lines(left+8, a.Name, plainText)
		about := w.sizeText(a.Size)
		if a.Type != "" {
			about = a.Type + ", " + about
		}
		l.lines(left+8, about, smallText)
		if a.Fenced {
			l.lines(left+8, w.fenced, smallText)
		} else {
			l.lines(left+8, fmt.Sprintf("%s: %x", w.digest, a.SHA256), smallText)
		}
		l.y += 1.5
	}
}

func (l *layout) receipt() {
	d, w := l.doc, l.doc.words
	if d.Receipt == nil {
		return
	}
	l.section(w.receipt)
	l.field(w.receiptAt, w.date(d.Receipt.At.In(d.zone), true), plainText)
	l.field(w.receiptID, d.Receipt.ID, plainText)
}

// missing says what the fonts did not have.
func (l *layout) missing() {
	note := l.doc.words.box
	switch n := l.doc.boxes; {
	case n == 0:
		return
	case n > 1:
		note = fmt.Sprintf(l.doc.words.boxes, grouped(int64(n)))
	}
	l.y += 5
	l.need(2 * noteText.height())
	l.lines(left, note, noteText)
}
