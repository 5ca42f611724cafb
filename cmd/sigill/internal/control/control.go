// Package control lets a command be carried out by the process that has the vault, since only one can have it.
//
// The way between the two is a unix socket in the vault's folder, for root and for the user the server runs as: the kernel
// says who called (SO_PEERCRED), and its mode is 0600 besides. A command travels as its name and parameters in JSON; what it
// writes comes back as it writes it, and its error at the end. When the caller goes, the command's context ends.
//
// What a command does is not this package's: see [Handler].
package control

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// socketName is the socket's in the vault's folder.
const socketName = "control.sock"

// ErrNobody means that no server listens in a folder.
var ErrNobody = errors.New("control: no server runs here")

// Call is a command on its way.
type Call struct {
	Name   string          `json:"name"`
	Params json.RawMessage `json:"params"`
	// Terminal tells that what it writes to Stderr is read by a person who waits.
	Terminal bool `json:"terminal"`
	// Caller is the operating system's name of whoever called. The server puts it in, from what the kernel says.
	Caller string `json:"-"`
}

// Handler carries a call out. It may run many at once.
type Handler func(ctx context.Context, c Call, stdout, stderr io.Writer) error

// Error is an error of a command that another process carried out.
type Error struct {
	Text string `json:"text"`
	// Usage tells that the command was wrong, not that something failed.
	Usage bool `json:"usage"`
}

func (e *Error) Error() string { return e.Text }

// address is that of the socket in a folder. A socket's path has at most 108 octets, so a long one leads through the folder's
// descriptor, which the caller closes after use.
func address(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, socketName)
	if len(path) < 100 {
		return path, func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), socketName), func() { f.Close() }, nil
}

// What a frame holds. A frame is its kind, its length in four octets, and the rest.
const (
	frameStdout = 1
	frameStderr = 2
	frameEnd    = 3 // nothing, or an Error in JSON
)

// maxFrame is the octets of the longest frame.
const maxFrame = 1 << 20

// frames writes frames of all kinds to one connection.
type frames struct {
	mu sync.Mutex
	to io.Writer
}

func (f *frames) write(kind byte, b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(b)))
	_, err := (&net.Buffers{head, b}).WriteTo(f.to)
	return err
}

// stream is an io.Writer whose octets go as frames of a kind.
type stream struct {
	frames *frames
	kind   byte
}

func (s stream) Write(b []byte) (n int, err error) {
	for n < len(b) {
		part := b[n:min(len(b), n+maxFrame)]
		if err := s.frames.write(s.kind, part); err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

func readFrame(r io.Reader) (kind byte, b []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return 0, nil, fmt.Errorf("control: a frame of %d octets", size)
	}
	b = make([]byte, size)
	_, err = io.ReadFull(r, b)
	return head[0], b, err
}
