package clean

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Text gives the text of a mail's HTML, in UTF-8, as a person would have written it: paragraphs, lists with their marks,
// the cells of a table's row on one line, quotes behind "> ", links followed by their target. What the mail does not
// display (display: none) is not in it.
func Text(mail string) string {
	w := &walker{}
	w.out.Grow(len(mail))
	read(mail, w)
	return w.written()
}

// written is the text of the whole mail.
func (w *walker) written() string {
	w.endLink()
	return strings.TrimRight(w.out.String(), " \n")
}

// walker writes text from tags as they come, without a tree: a mail may nest as deep as it likes.
type walker struct {
	lines
	lists  []int // open lists; the next number, or -1 for marks
	cells  []row // open tables
	pre    int
	link   string // target of the open link
	linkAt int    // where its text starts
	// An element with display: none hides until as many end tags of its name have come as start tags.
	hidden int
	hider  string
}

// row is the state of a table's row.
type row struct {
	in     bool // a cell is open
	filled bool // a cell of it has text
	tall   bool // a cell of it has several lines
	at     int  // where the open cell starts
	top    int  // its first line
}

func (w *walker) startTag(t *tag) {
	if w.hidden > 0 {
		if t.Data == w.hider {
			w.hidden++
		}
		return
	}
	if !t.seen {
		t.seen, t.hides, t.gap = true, hides(t), gapBefore(t.Token)
	}
	if t.hides {
		w.hider, w.hidden = t.Data, 1
		return
	}
	switch t.Data {
	case "br":
		w.newline()
	case "hr":
		w.breakLine(1)
		w.word("----")
		w.breakLine(1)
	case "img":
		if alt := strings.TrimSpace(get(t.Token, "alt")); alt != "" {
			w.text("[" + alt + "]")
		}
	case "a":
		w.endLink()
		if w.link = t.target; w.link == "" {
			w.link, _ = cleanLink(get(t.Token, "href"))
		}
		w.linkAt = w.out.Len()
	case "ul", "ol":
		w.openList(t.Token)
	case "li":
		w.item()
	case "blockquote":
		w.breakLine(2)
		w.quotes++
	case "pre":
		w.breakLine(2)
		w.pre++
	case "table":
		w.separator, w.fresh = false, false
		w.breakLine(1)
		w.cells = append(w.cells, row{})
	case "tr":
		w.startRow()
	case "td", "th":
		w.startCell()
	default:
		if t.gap > 0 {
			w.breakLine(t.gap)
		}
	}
}

func (w *walker) endTag(t *tag) {
	if w.hidden > 0 {
		if t.Data == w.hider {
			w.hidden--
		}
		return
	}
	switch t.Data {
	case "br":
		w.newline()
	case "a":
		w.endLink()
	case "ul", "ol":
		w.lists = w.lists[:max(0, len(w.lists)-1)]
		w.breakLine(gapOf(len(w.lists) == 0))
	case "blockquote":
		w.breakLine(2)
		w.quotes = max(0, w.quotes-1)
	case "pre":
		w.breakLine(2)
		w.pre = max(0, w.pre-1)
	case "table":
		w.cells = w.cells[:max(0, len(w.cells)-1)]
		w.separator, w.fresh = false, false
		w.breakLine(1)
	case "tr":
		w.startRow()
	case "td", "th":
		w.endCell()
	case "p":
		w.breakLine(1)
	default:
		if gap := blockGap(t.Data); gap > 0 {
			w.breakLine(gap)
		}
	}
}

// hides tells whether a tag's style takes its element from the page.
func hides(t *tag) bool {
	style := get(t.Token, "style")
	return t.Type == html.StartTagToken && (t.element == nil || t.element.kind != void) &&
		strings.Contains(strings.ToLower(cut(style, maxStyle)), "display") && strings.Contains("; "+filterStyle(style), "; display: none")
}

func gapBefore(t html.Token) int {
	if t.Data == "p" {
		return paragraphGap(t)
	}
	return blockGap(t.Data)
}

// blockGap is how many line ends stand around an element; 0 if it is in a line.
func blockGap(name string) int {
	switch name {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		return 2
	}
	if blockNames[name] {
		return 1
	}
	return 0
}

// blockNames are elements that start a line and leave no gap. Forms are among them: their text stays.
var blockNames = map[string]bool{
	"address": true, "article": true, "aside": true, "body": true, "caption": true, "center": true, "dd": true,
	"div": true, "dl": true, "dt": true, "fieldset": true, "figcaption": true, "figure": true, "footer": true,
	"form": true, "header": true, "main": true, "nav": true, "option": true, "section": true, "textarea": true,
	"tbody": true, "thead": true, "tfoot": true,
}

func gapOf(wide bool) int {
	if wide {
		return 2
	}
	return 1
}

// paragraphGap is 1 for Outlook's paragraphs, which have no space between them, and for those with a margin of 0.
func paragraphGap(t html.Token) int {
	return gapOf(knownClass(get(t, "class")) != "mso" && !tight.MatchString(cut(get(t, "style"), maxStyle)))
}

var tight = regexp.MustCompile(`(?i)(?:^|;)\s*margin\s*:\s*0(?:px|cm|pt|in|em)?\s*(?:;|$)`)

func (w *walker) openList(t html.Token) {
	w.breakLine(gapOf(len(w.lists) == 0))
	next := -1
	if t.Data == "ol" {
		next = 1
		if n, err := strconv.Atoi(get(t, "start")); err == nil && n >= 0 && n < 10000 {
			next = n
		}
	}
	w.lists = append(w.lists, next)
}

// maxIndent is how deep lists are indented.
const maxIndent = 8

func (w *walker) item() {
	w.breakLine(1)
	depth := len(w.lists)
	mark := "- "
	if depth > 0 && w.lists[depth-1] >= 0 {
		mark = strconv.Itoa(w.lists[depth-1]) + ". "
		w.lists[depth-1]++
	}
	w.mark = strings.Repeat("  ", min(max(depth-1, 0), maxIndent)) + mark
}

func (w *walker) startRow() {
	w.separator, w.fresh = false, false
	w.breakLine(1)
	if n := len(w.cells); n > 0 {
		w.cells[n-1] = row{}
	}
}

// startCell puts a cell on the line of the cell before it, unless that had several lines.
func (w *walker) startCell() {
	n := len(w.cells)
	if n == 0 {
		return
	}
	w.endCell()
	r := &w.cells[n-1]
	if r.filled && !r.tall {
		w.gap, w.space = 0, false
		w.separator = true
	} else {
		w.breakLine(1)
	}
	w.fresh = true
	r.in, r.at, r.top = true, w.out.Len(), w.height+w.gap
}

func (w *walker) endCell() {
	n := len(w.cells)
	if n == 0 || !w.cells[n-1].in {
		return
	}
	r := &w.cells[n-1]
	r.in = false
	r.filled = r.filled || w.out.Len() > r.at
	r.tall = r.tall || w.height > r.top
}

// endLink writes the target of a link, unless its text is the target.
func (w *walker) endLink() {
	target := w.link
	w.link = ""
	if target == "" {
		return
	}
	shown := strings.TrimSpace(w.out.String()[min(w.linkAt, w.out.Len()):])
	if bare(shown) != bare(target) {
		w.space = w.space || shown != ""
		w.word("<" + target + ">")
	}
}

// bare is a link's target as people write it.
func bare(s string) string {
	for _, prefix := range []string{"mailto:", "tel:", "http://", "https://", "www."} {
		s = strings.TrimPrefix(s, prefix)
	}
	return strings.TrimSuffix(s, "/")
}

// text writes the text between two tags.
func (w *walker) text(s string) {
	if w.hidden > 0 {
		return
	}
	s = visible(s)
	if w.pre > 0 {
		w.verbatim(s)
		return
	}
	whole := !strings.Contains(s, nbsp) // words with a space between them can be written as one
	for at := 0; at < len(s); {
		if isSpace(s[at]) {
			w.space = true
			at++
			continue
		}
		from := at
		for at < len(s) && (!isSpace(s[at]) || whole && s[at] == ' ' && at+1 < len(s) && !isSpace(s[at+1])) {
			at++
		}
		w.run(s[from:at], whole)
	}
}

// run writes a word, or words if they are whole: without spaces that do not break.
func (w *walker) run(s string, whole bool) {
	if !whole {
		s = strings.ReplaceAll(s, nbsp, " ")
		if !w.begun || w.gap > 0 {
			s = strings.TrimLeft(s, " ") // a paragraph of one &nbsp; is an empty line
		}
	}
	w.word(s)
}

const nbsp = "\u00a0"

// unseen are zero octets, byte order marks and the places where a word may break.
var unseen = []string{"\x00", "\uFEFF", "\u200B", "\u00AD"}

// visible gives s, as valid UTF-8, without what is unseen.
func visible(s string) string {
	if !utf8.ValidString(s) { // ToValidUTF8 looks at each character
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	for _, u := range unseen {
		if strings.IndexByte(s, u[0]) >= 0 && strings.Contains(s, u) { // the first alone is quick, and most texts have none
			s = strings.ReplaceAll(s, u, "")
		}
	}
	return s
}

// isSpace tells the white space that HTML collapses (HTML, "ASCII whitespace").
func isSpace(c byte) bool {
	return c <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f')
}
