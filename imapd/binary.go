package imapd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"sigill/vault/message"
)

// decodable are the content transfer encodings (RFC 2045 section 6.1) that BINARY undoes; a part without one has 7bit.
var decodable = []string{"", "7bit", "8bit", "binary", "base64", "quoted-printable"}

// binaryPart is the part BINARY names (RFC 3516 section 4.2, RFC 9051 section 6.4.5), in an encoding that is known. Nil if
// there is none, and of no numbers, which mean the message itself.
func binaryPart(ix *message.Index, numbers []int) (*message.Part, error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	p, ok := ix.Part(numbers...)
	switch {
	case !ok:
		return nil, nil
	case len(p.Children) > 0: // it cannot be encoded (RFC 2045 section 6.4), only its parts can
		return p, nil
	case !slices.Contains(decodable, strings.ToLower(p.Encoding)):
		return nil, errUnknownCTE
	}
	return p, nil
}

// binarySize is BINARY.SIZE, which the index knows.
func binarySize(ix *message.Index, numbers []int) (int64, error) {
	p, err := binaryPart(ix, numbers)
	switch {
	case err != nil:
		return 0, err
	case p != nil:
		return p.Decoded, nil
	case len(numbers) == 0:
		return ix.Size, nil
	}
	return 0, nil
}

// openBinary finds the octets of an item, decoded as they are read. Those before a partial's offset are decoded too, which
// takes time and no memory.
func openBinary(c content, item *imap.FetchItemBinarySection) (section, error) {
	size, err := binarySize(c.Index(), item.Part)
	if err != nil {
		return section{}, err
	}
	p, _ := binaryPart(c.Index(), item.Part)
	skip, left := cut(item.Partial, size)
	switch {
	case p == nil:
		return section{Reader: c.Section(message.Range{Offset: skip, Size: left}), size: left}, nil
	case len(p.Children) > 0:
		return section{Reader: c.Section(message.Range{Offset: p.Body.Offset + skip, Size: left}), size: left}, nil
	}
	out := message.Body(p, c.Section(p.Body))
	if _, err := io.CopyN(io.Discard, out, skip); err != nil {
		return section{}, err
	}
	// What is 7bit or 8bit has no NUL, and tells a client so by being a plain literal (RFC 3516 section 4.3).
	return section{Reader: io.LimitReader(out, left), size: left, binary: !strings.HasSuffix(p.Encoding, "bit") && p.Encoding != ""}, nil
}

// binaryName is how an item is told: BINARY[1.2]<offset>.
func binaryName(item string, numbers []int, partial *imap.SectionPartial) string {
	name := item + "[" + strings.ReplaceAll(strings.Trim(fmt.Sprint(numbers), "[]"), " ", ".") + "]"
	if partial != nil {
		name += fmt.Sprintf("<%d>", partial.Offset)
	}
	return name
}
