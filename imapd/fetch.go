package imapd

import (
	"errors"
	"fmt"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"sigill/vault"
	"sigill/vault/message"
)

// How many messages are taken out of the vault at a time, before the client is written to. The first reads of a batch of
// bodies are one entry in the audit's commit.
const (
	entryBatch = 1024
	bodyBatch  = 64
	// maxGap is how many entries that are not wanted are read over rather than begin another transaction.
	maxGap = 64
)

// fetch is one FETCH or UID FETCH.
type fetch struct {
	*session
	options *imap.FetchOptions
	names   names
	text    text   // of the response that is being written
	kept    []byte // fields of a header
	// failed is what the client is told of the first message that could not be served; the others are.
	failed  error
	missing bool
}

// Fetch is FETCH and UID FETCH.
func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.forget()
	utf8 := s.library.EnabledCaps().Has(imap.CapUTF8Accept)
	f := &fetch{session: s, options: o, names: s.names(w, o), text: text{utf8: utf8}}
	err := f.run(set)
	f.wipe()
	if _, seq := set.(imap.SeqSet); err == nil && f.failed == nil && seq && f.missing {
		err = errExpunged // RFC 2180 section 4.1.2; a UID that is gone is no fault (RFC 3501 section 6.4.8)
	}
	if err == nil {
		err = f.failed
	}
	return s.status("FETCH", err)
}

func (f *fetch) run(set imap.NumSet) error {
	if err := checkSections(f.options); err != nil {
		return err
	}
	spans, err := f.selected.view.resolve(set)
	if err != nil {
		return err
	}
	if f.lists() {
		return f.list(spans)
	}
	return f.entries(spans, f.serve)
}

func (f *fetch) wipe() {
	clear(f.text.b[:cap(f.text.b)])
	clear(f.kept[:cap(f.kept)])
}

// serve writes what is wanted of some messages.
func (f *fetch) serve(entries []vault.Entry) error {
	step, size := f.plain, entryBatch
	if f.readsBodies() {
		step, size = f.bodies, bodyBatch
	}
	if f.options.Flags {
		if err := f.introduce(entries...); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(entries, size) {
		if err := step(batch); err != nil {
			return err
		}
	}
	return nil
}

func (f *fetch) readsBodies() bool {
	return len(f.options.BodySection)+len(f.options.BinarySection) > 0
}

func (f *fetch) plain(entries []vault.Entry) error {
	for _, e := range entries {
		if f.begin(e, nil) {
			if err := f.end(); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin begins a response with all but bodies; false for a message that the client does not know. None is empty, even if
// the bodies that were asked for cannot be read.
func (f *fetch) begin(e vault.Entry, ix *message.Index) bool {
	num, ok := f.selected.view.seq(e.UID)
	if !ok {
		return false
	}
	o, t := f.options, &f.text
	t.begin(num)
	if o.UID || f.readsBodies() || len(o.BinarySectionSize) > 0 {
		t.item("UID")
		t.number(int64(e.UID))
	}
	if o.Flags {
		t.item("FLAGS")
		t.flags(f.selected.view.marks(e))
	}
	if o.InternalDate {
		t.item("INTERNALDATE")
		t.b = e.Date.UTC().AppendFormat(t.b, `"_2-Jan-2006 15:04:05 -0700"`)
	}
	if o.RFC822Size {
		t.item("RFC822.SIZE")
		t.number(e.Size)
	}
	if o.Envelope {
		t.item("ENVELOPE")
		t.envelope(&ix.Envelope)
	}
	for _, name := range f.names.structures {
		t.item(name)
		t.structure(&ix.Root, name == "BODYSTRUCTURE")
	}
	for _, item := range o.BinarySectionSize {
		size, err := binarySize(ix, item.Part)
		if err != nil {
			f.fail(err)
			continue
		}
		t.item(binaryName("BINARY.SIZE", item.Part, nil))
		t.number(size)
	}
	return true
}

// end ends a response. It goes past the library, which writes nothing meanwhile.
func (f *fetch) end() error {
	f.text.raw(")\r\n")
	return f.write()
}

func (f *fetch) write() error {
	_, err := f.conn.Write(f.text.b)
	f.text.b = f.text.b[:0]
	return gone(err)
}

// entries gives, batch by batch, those of the view's messages that are still there.
func (f *fetch) entries(spans []span, fn func([]vault.Entry) error) error {
	return f.session.entries(spans, func(entries []vault.Entry, missing bool) error {
		f.missing = f.missing || missing
		return fn(entries)
	})
}

func (s *session) entries(spans []span, fn func(entries []vault.Entry, missing bool) error) error {
	for _, batch := range batches(spans) {
		uids := s.selected.view.uidsIn(batch)
		all, err := s.reader.Entries(s.ctx, s.selected.id, uids[0], uids[len(uids)-1])
		if err != nil {
			return err
		}
		wanted := slices.DeleteFunc(all, func(e vault.Entry) bool {
			_, ok := slices.BinarySearch(uids, e.UID)
			return !ok
		})
		if err := fn(s.sized(wanted), len(wanted) < len(uids)); err != nil {
			return err
		}
	}
	return nil
}

// batches cuts spans into groups that are read in one transaction each.
func batches(spans []span) [][]span {
	var out [][]span
	size := 0
	for _, s := range spans {
		for s.from < s.to {
			n := len(out)
			if n == 0 || size == entryBatch || s.from-out[n-1][len(out[n-1])-1].to > maxGap {
				out, size = append(out, nil), 0
				n++
			}
			part := span{s.from, min(s.to, s.from+entryBatch-size)}
			out[n-1] = append(out[n-1], part)
			size += part.to - part.from
			s.from = part.to
		}
	}
	return out
}

// errEntry is an entry whose message is not there.
var errEntry = fmt.Errorf("imapd: an entry without message: %w", vault.ErrDamaged)

// lost finds out why a message could not be read: expunged meanwhile, or damaged. What concerns more than this message is
// returned.
func (f *fetch) lost(e vault.Entry, err error) error {
	if f.ctx.Err() != nil || errors.Is(err, vault.ErrClosed) {
		return errors.Join(err, f.ctx.Err())
	}
	there, listErr := f.reader.Entries(f.ctx, f.selected.id, e.UID, e.UID)
	switch {
	case listErr != nil:
		return listErr
	case len(there) == 0:
		f.missing = true
	case err == nil, errors.Is(err, vault.ErrNotFound):
		f.fail(errEntry)
	default:
		f.fail(err)
	}
	return nil
}

// fail remembers what to tell the client at the end. Every failure is logged under an id of its own.
func (f *fetch) fail(err error) {
	told := f.status("FETCH", err)
	if f.failed == nil {
		f.failed = told
	}
}
