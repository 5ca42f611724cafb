package web

import (
	"errors"
	"io"
	"slices"
	"time"

	"sigill/vault"
	"sigill/vault/message"
	"sigill/web/clean"
)

// maxSearched is how much of a text is searched, in octets, and maxEncoded how much of what it is decoded from is read.
const (
	maxSearched = 1 << 20
	maxEncoded  = 4 << 20
)

// findInTexts looks in the texts of those messages whose indexes did not tell, the newest of all mailboxes first, until it is
// through or has come to a limit. One principal has one such search at a time; the others wait.
func (s *Server) findInTexts(v *visit, r *vault.Reader, b *searchBody, q query, seen []place) error {
	if !slices.ContainsFunc(seen, func(p place) bool { return !p.met }) {
		return nil
	}
	done, err := s.searches.take(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	defer done()
	texts, err := r.SearchTexts(v.r.Context())
	if err != nil {
		return err
	}
	slices.SortStableFunc(seen, func(x, y place) int { return y.Date.Compare(x.Date) })
	l := s.config.Limits
	t := &textSearch{texts: texts, query: q, left: l.SearchSize, known: map[vault.MessageID]bool{}}
	ends := time.Now().Add(l.SearchTime)
	for _, p := range seen {
		if len(t.known) >= l.SearchTexts || t.left <= 0 || time.Now().After(ends) {
			b.Stopped = true
			break
		}
		if err := v.r.Context().Err(); err != nil {
			return err
		}
		if err := s.tolerated(t.look(v, b, p)); err != nil {
			return err
		}
	}
	b.Newest, b.Long = len(t.known), t.long
	return nil
}

// tolerated lets a search go on though a message is gone or damaged, which is logged.
func (s *Server) tolerated(err error) error {
	switch {
	case errors.Is(err, vault.ErrNotFound), errors.Is(err, vault.ErrFenced):
		return nil
	case errors.Is(err, vault.ErrDamaged):
		s.log.Error("web: search", "error", err)
		return nil
	}
	return err
}

// textSearch is a search on its way through messages.
type textSearch struct {
	query
	texts *vault.TextSearch
	left  int64                    // octets it may still read
	known map[vault.MessageID]bool // whether the query is met; one message can lie in several mailboxes
	long  int                      // of how many only the beginning was searched
}

// look makes a row of a message whose text meets the query, if its index did not.
func (t *textSearch) look(v *visit, b *searchBody, p place) error {
	met, known := t.known[p.Message]
	switch {
	case p.met:
		t.known[p.Message] = true
		return nil
	case known && !met:
		return nil
	}
	t.known[p.Message] = false // also if it turns out to be gone or damaged
	contents, err := t.texts.Open(v.r.Context(), p.Message)
	if err != nil {
		return err
	}
	c := contents[0]
	defer c.Close()
	if !known {
		if met, err = t.meets(c); err != nil {
			return err
		}
		t.known[p.Message] = met
	}
	if met {
		b.Rows = append(b.Rows, rowOf(p.Entry, c.Index(), *p.box))
	}
	return nil
}

// meets searches the text of a message, plain and as HTML: what somebody has read may have been either.
func (t *textSearch) meets(c *vault.Content) (bool, error) {
	var texts []string
	cut := false
	for _, kind := range []string{"plain", "html"} {
		p, ok := c.Index().BestText(kind)
		if !ok {
			continue
		}
		size := min(p.Body.Size, maxEncoded)
		t.left -= size
		text, more, err := message.TextString(p, io.LimitReader(c.Section(p.Body), size), maxSearched)
		if err != nil {
			return false, err
		}
		if kind == "html" {
			text = clean.Text(text)
		}
		texts = append(texts, text)
		cut = cut || more || size < p.Body.Size
	}
	met := t.met(c.Index(), texts...)
	if cut && !met {
		t.long++
	}
	return met, nil
}
