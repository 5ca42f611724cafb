package detect

import (
	"bytes"
	"io"

	"sigill/vault/message"
)

// text is the text of a part, or of a file if p tells nothing. What begins with the mark of UTF-16 is that, whatever
// charset is declared: Notepad and Excel write it, and mail programs do not look.
func text(p *message.Part, raw io.Reader) io.Reader {
	body := message.Body(p, raw)
	var mark [2]byte
	n, _ := io.ReadFull(body, mark[:]) // an error comes again
	charset := p.Param("charset")
	if start := string(mark[:n]); start == "\xff\xfe" || start == "\xfe\xff" {
		charset = "utf-16"
	}
	plain := &message.Part{Params: []message.Param{{Name: "charset", Value: charset}}}
	return message.Text(plain, io.MultiReader(bytes.NewReader(mark[:n]), body))
}

// mail looks through a mail that is a file.
func (l *look) mail(raw []byte, depth int) counts {
	if depth > l.limits.Depth {
		l.beyond = true
		return l.none()
	}
	outer, at := l.raw, l.depth
	defer func() { l.raw, l.depth = outer, at }()
	l.raw, l.depth = raw, depth
	indexer := message.NewIndexer(message.Limits{})
	_, _ = indexer.Write(raw) // never fails
	index := indexer.Close()
	n := l.texts(index.Envelope.Subject)
	n.add(l.part(&index.Root))
	return n
}
