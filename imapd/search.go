package imapd

import (
	"context"
	"errors"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"sigill/vault"
	"sigill/vault/message"
)

// How many indexes are read at a time, and how many messages opened for BODY and TEXT.
const (
	indexBatch  = 64
	searchBatch = 16
)

// verdict is what is known of a message by what has been read of it so far. And is the least of verdicts, or the greatest.
type verdict int

const (
	fails verdict = iota
	unknown
	passes
)

func (v verdict) not() verdict { return passes - v }

func when(ok bool) verdict {
	if ok {
		return passes
	}
	return fails
}

// candidate is a message that may be found. What it takes to decide is read in steps, and no more than needed: the entry,
// the index, the content.
type candidate struct {
	pos     int
	entry   vault.Entry
	index   *message.Index
	content content
	err     error
}

// Search is SEARCH and UID SEARCH with ESEARCH's results (RFC 4731). To look into messages for BODY and TEXT is not to read
// them; the audit has that there was such a search.
func (s *session) Search(kind imapserver.NumKind, c *imap.SearchCriteria, o *imap.SearchOptions) (*imap.SearchData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.forget()
	found, gone, err := s.search(c)
	if o.ReturnSave {
		s.selected.view.save(found, o) // nothing after an error
	}
	if err != nil {
		return nil, s.status("SEARCH", err)
	}
	s.conn.expunged = gone // RFC 5530 section 3, EXPUNGEISSUED: its example is a SEARCH
	if o.ReturnSave && s.conn.input.savesOnly {
		// The library knows no SEARCH without results: what it writes then is one short line.
		o.ReturnAll, s.conn.skip = false, true
	}
	data := &imap.SearchData{Count: uint32(len(found))}
	var seqs imap.SeqSet
	var uids imap.UIDSet
	for _, pos := range found {
		num := uint32(pos + 1)
		if kind == imapserver.NumKindUID {
			num = uint32(s.selected.view.uids[pos])
			uids.AddNum(imap.UID(num))
		} else {
			seqs.AddNum(num)
		}
		data.Min, data.Max = or(data.Min, num), num
	}
	data.All = imap.NumSet(seqs)
	if kind == imapserver.NumKindUID {
		data.All = uids
	}
	return data, nil
}

// search gives the positions of what is found, and whether there are messages that are gone and that the client still counts.
func (s *session) search(criteria *imap.SearchCriteria) (found []int, gone bool, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.server.limits.SearchTime)
	defer cancel()
	q := &query{session: s, ctx: ctx, left: s.server.limits.SearchSize}
	test, err := q.compile(criteria)
	if err != nil {
		return nil, false, err
	}
	all := []span{{0, len(s.selected.view.uids)}}
	err = s.entries(merged(all), func(entries []vault.Entry, missing bool) error {
		gone = gone || missing
		some, err := q.run(entries, test)
		found = append(found, some...)
		return err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = errSearchCost
	}
	if err != nil {
		return nil, false, err
	}
	return found, gone || q.gone, nil
}

// query is one SEARCH.
type query struct {
	*session
	ctx  context.Context
	left int64 // octets of messages it may still read
	gone bool  // a message was expunged while it was looked for

	texts *vault.TextSearch // begun with the first message that has to be opened
}

// run gives the positions of those entries that pass.
func (q *query) run(entries []vault.Entry, test test) ([]int, error) {
	var found []int
	var open []*candidate
	for _, e := range entries {
		num, ok := q.selected.view.seq(e.UID)
		if !ok {
			continue
		}
		c := &candidate{pos: int(num) - 1, entry: e}
		switch test(c) {
		case passes:
			found = append(found, c.pos)
		case unknown:
			open = append(open, c)
		}
	}
	open, err := q.step(open, indexBatch, q.addIndexes, test, &found)
	if err == nil {
		_, err = q.step(open, searchBatch, q.addContents, test, &found)
	}
	slices.Sort(found)
	return found, err
}

// step reads more of the candidates and gives those that are still open.
func (q *query) step(in []*candidate, size int, read func([]*candidate) error, test test, found *[]int) ([]*candidate, error) {
	var open []*candidate
	for batch := range slices.Chunk(in, size) {
		err := errors.Join(q.ctx.Err(), read(batch))
		for _, c := range batch {
			v := unknown
			if err == nil {
				v = test(c)
				err = q.forgive(c.err)
			}
			c.close()
			switch v {
			case passes:
				*found = append(*found, c.pos)
			case unknown:
				open = append(open, c)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return open, nil
}

func (c *candidate) close() {
	if c.content != nil {
		c.content.Close()
		c.content = nil
	}
}

// forgive lets a search go on though a message is gone or damaged, which is logged.
func (q *query) forgive(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, vault.ErrNotFound):
		q.gone = true
		return nil
	case errors.Is(err, vault.ErrDamaged):
		q.status("SEARCH", err)
		return nil
	}
	return err
}

func (q *query) addIndexes(batch []*candidate) error {
	indexes, err := q.readIndexes(q.ctx, entriesOf(batch)...)
	if err == nil {
		for i, c := range batch {
			c.index = indexes[i]
			q.gone = q.gone || c.index == nil
		}
		return nil
	}
	for _, c := range batch {
		one, err := q.readIndexes(q.ctx, c.entry)
		if err := q.forgive(err); err != nil {
			return err
		}
		if err == nil {
			c.index = one[0]
			q.gone = q.gone || c.index == nil
		}
	}
	return nil
}

func (q *query) addContents(batch []*candidate) error {
	batch = slices.DeleteFunc(slices.Clone(batch), func(c *candidate) bool { return c.index == nil })
	contents, err := q.readContents(q.ctx, q.open, entriesOf(batch)...)
	if err == nil {
		for i, c := range batch {
			c.content = contents[i]
		}
		return nil
	}
	for _, c := range batch {
		one, err := q.readContents(q.ctx, q.open, c.entry)
		if err := q.forgive(err); err != nil {
			return err
		}
		if err == nil {
			c.content = one[0]
		}
	}
	return nil
}

func (q *query) open(ctx context.Context, ids ...vault.MessageID) (_ []*vault.Content, err error) {
	if q.texts == nil {
		if q.texts, err = q.reader.SearchTexts(ctx); err != nil {
			return nil, err
		}
	}
	return q.texts.Open(ctx, ids...)
}

func entriesOf(batch []*candidate) []vault.Entry {
	out := make([]vault.Entry, len(batch))
	for i, c := range batch {
		out[i] = c.entry
	}
	return out
}
