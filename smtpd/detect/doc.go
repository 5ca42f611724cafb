// Package detect looks through the text of a mail for identity numbers and words.
//
// It reads the subject, file names, text and HTML of all parts, also of embedded messages and .eml files, and the text of
// attached office documents (docx, xlsx, pptx, odt and their like), also when they lie in an archive or in winmail.dat. It
// does not read PDF, the binary formats before docx, pictures, or what is encrypted. It promises that memory and time are
// bounded whatever the mail is; what passes a limit is told as beyond it, never left out silently. What it gives are counts:
// no text of a mail leaves it.
package detect

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault/message"
)

// Limits bound what an attached archive can cost. Zeroes become the values of DefaultLimits.
type Limits struct {
	Entries int   // in one archive
	Octets  int64 // unpacked, of all archives of a mail
	Ratio   int64 // of unpacked to packed octets, beyond the first MiB of an entry
	Depth   int   // archives in archives
}

// DefaultLimits let through what office programs write.
var DefaultLimits = Limits{Entries: 5000, Octets: 64 << 20, Ratio: 200, Depth: 3}

// Detector looks for what a list of rules asks for. It may be used by many at once.
type Detector struct {
	rules  []asked
	words  map[string][]phrase // by their first word
	limits Limits
	now    func() time.Time
	turns  chan struct{} // of mails that are looked through
}

// asked is a rule that asks for content.
type asked struct {
	name    string
	numbers bool
	words   bool
}

// New makes a detector of the rules' Contains conditions. Now is time.Now if nil; nobody is born after it.
func New(rules []policy.Rule, limits Limits, now func() time.Time) *Detector {
	d := &Detector{
		words: map[string][]phrase{}, limits: limits.orDefault(), now: now, turns: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	if now == nil {
		d.now = time.Now
	}
	for _, rule := range rules {
		for _, c := range rule.When {
			if c, ok := c.(policy.Contains); ok {
				d.add(rule.Name, c)
			}
		}
	}
	return d
}

func (d *Detector) add(name string, c policy.Contains) {
	n := len(d.rules)
	d.rules = append(d.rules, asked{name, c.Numbers, len(c.Words) > 0})
	for _, entry := range c.Words {
		if p := newPhrase(n, entry); len(p.words) > 0 {
			d.words[p.words[0]] = append(d.words[p.words[0]], p)
		}
	}
}

// Look looks through a whole mail. As many as there are processors are looked through at once, since a small one may unpack
// to all of Limits.Octets; others wait their turn.
func (d *Detector) Look(raw []byte) policy.Content {
	d.turns <- struct{}{}
	defer func() { <-d.turns }()
	l := &look{Detector: d, left: d.limits.Octets}
	n := l.mail(raw, 0)
	content := policy.Content{Beyond: l.beyond}
	for i, rule := range d.rules {
		if rule.numbers && n.numbers > 0 {
			content.Findings = append(content.Findings, policy.Finding{Rule: rule.name, Kind: policy.FoundNumbers, Count: n.numbers})
		}
		if rule.words && n.words[i] > 0 {
			content.Findings = append(content.Findings, policy.Finding{Rule: rule.name, Kind: policy.FoundWords, Count: n.words[i]})
		}
	}
	return content
}

// look is one mail being looked through.
type look struct {
	*Detector
	raw    []byte // the mail, or the one inside that is a file
	depth  int    // it lies in so many files
	left   int64  // octets that may still be unpacked
	beyond bool
}

// part counts what is in a part and those below it.
func (l *look) part(p *message.Part) counts {
	n := l.texts(p.FileName(), p.Description)
	if p.Envelope != nil {
		n.add(l.texts(p.Envelope.Subject))
	}
	alternatives := p.Type == "multipart" && p.Subtype == "alternative"
	most := l.none()
	for i := range p.Children {
		child := l.part(&p.Children[i])
		if alternatives {
			most.most(child) // the same text, written in several ways
		} else {
			n.add(child)
		}
	}
	n.add(most)
	if len(p.Children) == 0 {
		n.add(l.leaf(p))
	}
	return n
}

func (l *look) leaf(p *message.Part) counts {
	raw := bytes.NewReader(l.raw[p.Body.Offset : p.Body.Offset+p.Body.Size])
	name := strings.ToLower(p.FileName())
	switch {
	case hasAny(name, ".eml"):
	case p.Type == "text" && p.Subtype == "html":
		return l.html(text(p, raw))
	case p.Type == "text", strings.HasSuffix(p.Subtype, "xml") && p.Type == "application", p.Subtype == "json", p.Subtype == "rtf":
		return l.plain(text(p, raw))
	}
	return l.packed(name, message.Body(p, raw), l.depth+1)
}

// packed looks through a file that may hold others.
func (l *look) packed(name string, r io.Reader, depth int) counts {
	start := make([]byte, len(zipStart))
	n, _ := io.ReadFull(r, start) // what is shorter is looked through as it is
	whole := io.MultiReader(bytes.NewReader(start[:n]), r)
	read := l.archive
	switch {
	case string(start) == zipStart:
	case string(start) == winmailStart:
		read = l.winmail
	case hasAny(name, ".eml"):
		read = l.mail
	default:
		return l.file(name, whole)
	}
	all, _ := io.ReadAll(whole) // of memory; no longer than the mail
	return read(all, depth)
}

// file looks through a file by its name.
func (l *look) file(name string, r io.Reader) counts {
	switch {
	case hasAny(name, ".txt", ".csv", ".tsv", ".log", ".json", ".rtf", ".ics", ".vcf", ".md"):
		return l.plain(text(&message.Part{}, r))
	case hasAny(name, ".html", ".htm", ".xhtml"):
		return l.html(text(&message.Part{}, r))
	case hasAny(name, ".xml"):
		return l.xml(r)
	}
	return l.none()
}

func hasAny(name string, ends ...string) bool {
	for _, end := range ends {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

func (l *look) none() counts { return counts{words: make([]int, len(l.rules))} }

func (l *look) texts(texts ...string) counts {
	s := l.begin()
	for _, text := range texts {
		s.WriteString(text)
		s.gap()
	}
	return s.end()
}

func (l *look) plain(r io.Reader) counts {
	s := l.begin()
	_, err := io.Copy(s, r)
	l.beyond = l.beyond || err != nil
	return s.end()
}

// counts is what was found: words by rule.
type counts struct {
	numbers int
	words   []int
}

func (n *counts) add(m counts) {
	n.numbers += m.numbers
	for i := range n.words {
		n.words[i] += m.words[i]
	}
}

func (n *counts) most(m counts) {
	n.numbers = max(n.numbers, m.numbers)
	for i := range n.words {
		n.words[i] = max(n.words[i], m.words[i])
	}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	if l.Entries != 0 {
		d.Entries = l.Entries
	}
	if l.Octets != 0 {
		d.Octets = l.Octets
	}
	if l.Ratio != 0 {
		d.Ratio = l.Ratio
	}
	if l.Depth != 0 {
		d.Depth = l.Depth
	}
	return d
}
