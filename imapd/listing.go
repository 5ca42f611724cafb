package imapd

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"

	"golang.org/x/sync/errgroup"

	"sigill/vault"
	"sigill/vault/message"
)

// What lists of messages are made of, indexes and headers, is made into responses in memory while the vault's transaction is
// open, a page at a time. Of more than a page two goroutines make every other one each: while one waits for its turn to
// write, the other reads and opens what comes after.
const (
	listers  = 2
	pageful  = 40       // messages of a page
	pageSize = 32 << 10 // octets after which what there is of a page is written
)

// page is some messages of a listing.
type page struct {
	entries []vault.Entry
	turn    <-chan struct{} // closed when all before it is written
	written chan<- struct{}
}

// lists tells a listing: what is asked for is in indexes, or is headers that are not to be marked as seen.
func (f *fetch) lists() bool {
	if f.readsBodies() {
		return headersOnly(f.options) && f.peeks()
	}
	return f.readsIndex()
}

func (f *fetch) readsIndex() bool {
	o := f.options
	return o.Envelope || o.BodyStructure != nil || len(o.BinarySectionSize) > 0
}

// list writes a listing.
func (f *fetch) list(spans []span) error {
	messages := 0
	for _, s := range spans {
		messages += s.to - s.from
	}
	if messages <= pageful {
		return f.entries(spans, func(entries []vault.Entry) error { return f.page(f.ctx, page{entries: entries, turn: ready()}) })
	}
	pages := make(chan page)
	workers, ctx := errgroup.WithContext(f.ctx)
	hands := make([]*fetch, listers)
	panics := make(chan any, listers)
	for i := range hands {
		mine := *f
		hands[i] = &mine
		workers.Go(func() error { return mine.work(ctx, pages, panics) })
	}
	handErr := f.hand(ctx, spans, pages)
	err := workers.Wait()
	if err == nil {
		err = handErr
	}
	select {
	case p := <-panics:
		panic(p) // where the library catches it
	default:
	}
	for _, mine := range hands {
		f.missing = f.missing || mine.missing
		if f.failed == nil {
			f.failed = mine.failed
		}
	}
	return err
}

// hand gives out the pages.
func (f *fetch) hand(ctx context.Context, spans []span, pages chan<- page) error {
	defer close(pages) // also if the library is to catch a panic
	turn := ready()
	return f.entries(spans, func(entries []vault.Entry) error {
		for some := range slices.Chunk(entries, pageful) {
			written := make(chan struct{})
			select {
			case pages <- page{some, turn, written}:
				turn = written
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
}

// ready is a turn that has come.
func ready() <-chan struct{} {
	turn := make(chan struct{})
	close(turn)
	return turn
}

// work makes pages and writes each in its turn.
func (f *fetch) work(ctx context.Context, pages <-chan page, panics chan<- any) (err error) {
	defer func() {
		f.wipe()
		if p := recover(); p != nil {
			f.log.Error("imap listing", "panic", string(debug.Stack()))
			panics <- p
			err = errPanic
		}
	}()
	for p := range pages {
		if err := f.page(ctx, p); err != nil {
			return err
		}
		close(p.written)
	}
	return nil
}

var errPanic = errors.New("imapd: a listing panicked")

// page makes a page and writes it; in pieces, if its messages say much.
func (f *fetch) page(ctx context.Context, p page) error {
	for entries := p.entries; len(entries) > 0; {
		made, err := f.respond(entries)
		if err != nil {
			return err
		}
		select {
		case <-p.turn:
		case <-ctx.Done():
			return ctx.Err()
		}
		if f.options.Flags {
			if err := f.introduce(entries[:made.messages]...); err != nil {
				return err
			}
		}
		if err := f.write(); err != nil {
			return err
		}
		for _, l := range made.lost {
			if err := f.lost(l.entry, l.err); err != nil {
				return err
			}
		}
		entries = entries[made.messages:]
		if made.long {
			if err := f.bodies(entries[:1]); err != nil {
				return err
			}
			entries = entries[1:]
		}
	}
	return nil
}

// made is what has become of a page's messages.
type made struct {
	messages int // served or lost
	lost     []loss
	long     bool // the next one's header is too long to be held in memory
}

type loss struct {
	entry vault.Entry
	err   error
}

// respond makes responses until they are large, in one transaction.
func (f *fetch) respond(entries []vault.Entry) (m made, err error) {
	err = f.each(entries, func(e vault.Entry, ix *message.Index, header []byte, err error) bool {
		switch {
		case err != nil:
			m.lost = append(m.lost, loss{e, err})
		case header == nil && f.readsBodies():
			m.long = true
			return false
		case f.begin(e, ix):
			f.headers(header)
			f.text.raw(")\r\n")
		}
		m.messages++
		return len(f.text.b) < pageSize
	})
	return m, err
}

// each gives what a listing is made of, of each message or its stub.
func (f *fetch) each(entries []vault.Entry, fn func(vault.Entry, *message.Index, []byte, error) bool) error {
	served := func(e vault.Entry, ix *message.Index, header []byte, err error) bool {
		if stubs := f.stub(e); stubs != nil && err == nil {
			s := stubs.of(e)
			ix, header = &s.index, s.raw[:s.index.Root.Header.Size]
		}
		return fn(e, ix, header, err)
	}
	if f.stubs != nil {
		for _, e := range entries {
			if !served(e, nil, nil, nil) {
				break
			}
		}
		return nil
	}
	want := vault.Wanted{Index: f.readsIndex(), Header: f.headerPart()}
	return f.reader.Each(f.ctx, f.selected.id, entries, want, served)
}

// headerPart is what it takes of headers to answer.
func (f *fetch) headerPart() vault.HeaderPart {
	if !f.readsBodies() {
		return vault.NoHeader
	}
	for _, item := range f.options.BodySection {
		if len(item.HeaderFields) == 0 || slices.ContainsFunc(item.HeaderFields, message.Clutter) {
			return vault.WholeHeader
		}
	}
	return vault.Uncluttered
}

// headers writes the sections that were asked for, all of them of the header.
func (f *fetch) headers(header []byte) {
	t := &f.text
	for i, item := range f.options.BodySection {
		octets := header
		if len(item.HeaderFields)+len(item.HeaderFieldsNot) > 0 {
			f.kept = appendFields(f.kept[:0], header, item)
			octets = f.kept
		}
		skip, size := cut(item.Partial, int64(len(octets)))
		t.item(f.names.sections[i])
		t.literal(size)
		t.b = append(t.b, octets[skip:][:size]...)
	}
}
