package imapd

import (
	"bufio"
	"bytes"
	"regexp"
	"strconv"
	"sync/atomic"
)

// maxNonSync is the largest literal a client may send without waiting (RFC 7888 section 4, LITERAL-).
const maxNonSync = 4096

var saveAlone = regexp.MustCompile(`(?i)^[^ ]+ (?:UID )?SEARCH RETURN \(SAVE\) `)

// guard keeps a client's octets and the library's idea of them in step. It hands on one line at a time, so when the next
// one is asked for, the library has answered or accepted what went before.
//
// The library does not read a literal it refuses (go-imap v2.0.0-beta.8); if the client sends it without waiting, its
// octets would run as commands. The guard drops them, or ends the connection if they are more than the client may send so.
type guard struct {
	in   *bufio.Reader
	line []byte // read and not yet handed on
	tail []byte // the last octets of a line that came in pieces
	open bool   // in the middle of a line
	lit  literal
	body int64 // octets of a literal that are still to come
	rewriter
	// savesOnly tells of a SEARCH that its results are to be saved and not told (RFC 5182 section 2.1).
	savesOnly bool
	// wrote and plus are what the library has written since the last line: anything; a continuation request.
	wrote, plus atomic.Bool
}

// literal is one that a line has announced and of which it is not known whether the library takes it.
type literal struct {
	size int64
	sync bool // the client waits for a continuation request
	set  bool
}

// refusal is a client's fault that ends the connection.
type refusal struct{ bye string }

func (r *refusal) Error() string { return "imapd: " + r.bye }

// atLine tells that no command is half read.
func (g *guard) atLine() bool { return !g.open && g.body == 0 && !g.lit.set && len(g.line) == 0 }

// answered takes note of what the library writes.
func (g *guard) answered(p []byte) {
	if len(p) > 0 && p[0] == '+' {
		g.plus.Store(true)
	}
	g.wrote.Store(true)
}

// Read hands on the rest of a line, or octets of a literal.
func (g *guard) Read(p []byte) (int, error) {
	if len(g.line) == 0 {
		if err := g.settle(); err != nil {
			return 0, err
		}
	}
	if g.body > 0 {
		n, err := g.in.Read(p[:min(int64(len(p)), g.body)])
		g.body -= int64(n)
		return n, err
	}
	for len(g.line) == 0 {
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, g.line)
	g.line = g.line[n:]
	return n, nil
}

// settle finds out, from what the library has written since, what became of an announced literal.
func (g *guard) settle() error {
	l := g.lit
	g.lit = literal{}
	switch {
	case !l.set:
	case l.sync && g.plus.Load(), !l.sync && !g.wrote.Load():
		g.body, g.open = l.size, true
	case !l.sync:
		return g.drop(l.size)
	}
	return nil
}

// drop reads over a literal the library has refused, and over the rest of its command.
func (g *guard) drop(size int64) error {
	for {
		if _, err := g.in.Discard(int(size)); err != nil {
			return err
		}
		for g.tail = g.tail[:0]; ; {
			piece, err := g.in.ReadSlice('\n')
			if err != nil && err != bufio.ErrBufferFull {
				return err
			}
			if g.keep(piece); err == nil {
				break
			}
		}
		l, err := announced(g.tail)
		g.tail = g.tail[:0]
		if err != nil {
			return err
		}
		if !l.set || l.sync {
			return nil
		}
		size = l.size
	}
}

// next reads a line, or a piece of a long one.
func (g *guard) next() error {
	piece, err := g.in.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		return err
	}
	// An empty line is no command; the library would end the connection.
	if !g.open && len(bytes.Trim(piece, "\r\n")) == 0 && !g.plus.Load() {
		return nil
	}
	if !g.open {
		g.rewriter, g.savesOnly = rewriterOf(piece), saveAlone.Match(piece)
	}
	if g.rewriter != asItIs {
		piece, err = g.rest(piece, err)
	}
	g.keep(piece)
	g.line = g.rewrite(piece)
	g.open = err != nil
	if g.open {
		return nil
	}
	g.lit, err = announced(g.tail)
	g.tail = g.tail[:0]
	g.wrote.Store(false)
	g.plus.Store(false)
	return err
}

// rest reads a long line to its end, as far as the library would.
func (g *guard) rest(piece []byte, err error) ([]byte, error) {
	if err == nil {
		return piece, nil
	}
	whole := bytes.Clone(piece)
	for err == bufio.ErrBufferFull && len(whole) < maxRewritten {
		piece, err = g.in.ReadSlice('\n')
		whole = append(whole, piece...)
	}
	return whole, err
}

// keep remembers the end of a line, where a literal is announced.
func (g *guard) keep(piece []byte) {
	const longest = 32
	g.tail = append(g.tail, piece[max(0, len(piece)-longest):]...)
	if over := len(g.tail) - longest; over > 0 {
		g.tail = append(g.tail[:0], g.tail[over:]...)
	}
}

// announced reads "{n}" or "{n+}" at the end of a line (RFC 3501 section 9, literal; RFC 7888 section 6).
func announced(line []byte) (literal, error) {
	s, ok := bytes.CutSuffix(bytes.TrimRight(line, "\r\n"), []byte("}"))
	if !ok {
		return literal{}, nil
	}
	s = s[bytes.LastIndexByte(s, '{')+1:]
	digits, nonSync := bytes.CutSuffix(s, []byte("+"))
	size, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || size < 0 || digits[0] == '+' {
		return literal{}, nil
	}
	if nonSync && size > maxNonSync {
		return literal{}, &refusal{"[TOOBIG] A literal sent without waiting may have at most 4096 octets"}
	}
	return literal{size: size, sync: !nonSync, set: true}, nil
}
