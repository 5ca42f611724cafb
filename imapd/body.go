package imapd

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
)

// bodies writes responses with octets of messages.
func (f *fetch) bodies(entries []vault.Entry) error {
	contents, err := f.open(entries)
	if err != nil {
		return err
	}
	defer closeAll(contents)
	var read []vault.UID
	for i, e := range entries {
		if contents[i] == nil {
			continue
		}
		whole, err := f.body(e, contents[i])
		if err != nil {
			return err
		}
		contents[i].Close()
		contents[i] = nil
		if whole && e.Flags&vault.Seen == 0 && f.stub(e) == nil {
			read = append(read, e.UID)
		}
	}
	return f.seen(read)
}

// seen sets the Seen flag after the messages have gone out (RFC 3501 section 6.4.5). The watch tells the client, in the
// poll after the command.
func (f *fetch) seen(uids []vault.UID) error {
	if f.peeks() || f.selected.readOnly || len(uids) == 0 {
		return nil
	}
	_, err := f.reader.StoreFlags(f.ctx, f.selected.id, uids, vault.AddFlags, vault.Seen, nil)
	return err
}

// peeks tells that nothing is to be marked as seen.
func (f *fetch) peeks() bool {
	return !slices.ContainsFunc(f.options.BodySection, func(item *imap.FetchItemBodySection) bool { return !item.Peek }) &&
		!slices.ContainsFunc(f.options.BinarySection, func(item *imap.FetchItemBinarySection) bool { return !item.Peek })
}

// headersOnly tells that a client lists messages by their headers and reads none.
func headersOnly(o *imap.FetchOptions) bool {
	return len(o.BinarySection) == 0 && !slices.ContainsFunc(o.BodySection, func(item *imap.FetchItemBodySection) bool {
		return len(item.Part) > 0 || item.Specifier != imap.PartSpecifierHeader
	})
}

// open opens messages for reading, which the audit notes if more than headers is wanted; nil for one that is gone or damaged. All are opened in one call,
// unless that fails.
func (f *fetch) open(entries []vault.Entry) ([]content, error) {
	open := f.reader.Open
	if headersOnly(f.options) {
		open = f.reader.Headers
	}
	contents, err := f.readContents(f.ctx, open, entries...)
	if err == nil {
		return contents, nil
	}
	contents = make([]content, len(entries))
	for i, e := range entries {
		one, err := f.readContents(f.ctx, open, e)
		if err == nil {
			contents[i] = one[0]
			continue
		}
		if err := f.lost(e, err); err != nil {
			closeAll(contents)
			return nil, err
		}
	}
	return contents, nil
}

func closeAll(contents []content) {
	for _, c := range contents {
		if c != nil {
			c.Close()
		}
	}
}

// body writes one response, and tells whether all of it could be read.
func (f *fetch) body(e vault.Entry, c content) (whole bool, err error) {
	if !f.begin(e, c.Index()) {
		return false, nil
	}
	f.conn.SetWriteDeadline(time.Now().Add(literalDeadline))
	defer f.conn.SetWriteDeadline(time.Time{})
	whole = true
	write := func(name string, from section, err error) error {
		if err == nil {
			err = f.section(name, from)
		}
		if err == nil || err == errGone {
			return err
		}
		whole = false
		if errors.Is(err, vault.ErrNotFound) { // expunged since it was opened
			return f.lost(e, err)
		}
		f.fail(err)
		return nil
	}
	for i, item := range f.options.BodySection {
		from, err := openSection(c, item)
		if err := write(f.names.sections[i], from, err); err != nil {
			return false, err
		}
	}
	for _, item := range f.options.BinarySection {
		from, err := openBinary(c, item)
		if err := write(binaryName("BINARY", item.Part, item.Partial), from, err); err != nil {
			return false, err
		}
	}
	return whole, f.end()
}

// section writes one literal. Octets are read before their number is promised, as far as the buffer goes; an error
// after that leaves no way but to end the connection.
func (f *fetch) section(name string, from section) error {
	piece := f.space()[:min(copySize, from.size)]
	if _, err := io.ReadFull(from, piece); err != nil {
		return err
	}
	f.text.item(name)
	if from.binary {
		f.text.raw("~")
	}
	f.text.literal(from.size)
	if err := f.write(); err != nil {
		return err
	}
	for left := from.size; ; {
		if _, err := f.conn.Write(piece); err != nil {
			return errGone
		}
		if left -= int64(len(piece)); left == 0 {
			return nil
		}
		piece = piece[:min(copySize, left)]
		if _, err := io.ReadFull(from, piece); err != nil {
			f.fail(err)
			f.conn.Close()
			return errGone
		}
	}
}
