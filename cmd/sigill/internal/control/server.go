package control

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Server takes calls.
type Server struct {
	l      *net.UnixListener
	handle Handler
	log    *slog.Logger
}

// Listen opens the socket in the folder of a vault this process has. One that is there was left by a process that had the
// vault before.
func Listen(dir string, handle Handler, log *slog.Logger) (*Server, error) {
	path, done, err := address(dir)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	defer done()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	l.SetUnlinkOnClose(false) // the path may be one of a descriptor that is closed; the next server removes it
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control: %w", err), l.Close())
	}
	return &Server{l, handle, log}, nil
}

// Run takes calls until ctx ends; it waits for those under way, whose contexts end with it.
func (s *Server) Run(ctx context.Context) error {
	var calls sync.WaitGroup
	defer calls.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(ctx, func() { s.l.Close() })
	for {
		c, err := s.l.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ECONNABORTED):
			time.Sleep(100 * time.Millisecond) // the server has no descriptor left: others will be closed
			continue
		case err != nil:
			return fmt.Errorf("control: %w", err)
		}
		calls.Go(func() { s.serve(ctx, c) })
	}
}

// callTime bounds how long a caller takes to say what it wants.
const callTime = 10 * time.Second

func (s *Server) serve(ctx context.Context, c *net.UnixConn) {
	defer c.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	uid, err := peer(c)
	if err != nil || !trusted(uid) {
		s.log.Warn("control: a caller was turned away", "uid", uid, "error", err)
		return
	}
	out := &frames{to: c}
	call, err := readCall(c)
	if err != nil {
		s.log.Warn("control: a call could not be read", "uid", uid, "error", err)
		return
	}
	call.Caller = userName(uid)
	go func() { // the caller says nothing more: what ends this read is its end
		io.Copy(io.Discard, c)
		stop()
	}()
	s.end(out, s.handle(ctx, call, stream{out, frameStdout}, stream{out, frameStderr}))
}

// end tells the caller how it went. One that has gone does not hear it.
func (s *Server) end(out *frames, err error) {
	var text []byte
	if err != nil {
		e := &Error{}
		if !errors.As(err, &e) {
			e = &Error{Text: err.Error()}
		}
		text, _ = json.Marshal(e) // two plain fields
	}
	if err := out.write(frameEnd, text); err != nil {
		s.log.Info("control: a caller went before the end", "error", err)
	}
}

// A call is its length in four octets, and JSON.
func readCall(c net.Conn) (call Call, err error) {
	if err := c.SetReadDeadline(time.Now().Add(callTime)); err != nil {
		return call, err
	}
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return call, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return call, fmt.Errorf("control: a call of %d octets", size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(c, text); err != nil {
		return call, err
	}
	if err := json.Unmarshal(text, &call); err != nil {
		return call, errors.New("control: a call that is no JSON") // it may hold a password
	}
	return call, c.SetReadDeadline(time.Time{})
}

// peer is the user at the other end (unix(7), SO_PEERCRED).
func peer(c *net.UnixConn) (uid uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	var faulty error
	err = raw.Control(func(fd uintptr) {
		cred, faulty = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err = errors.Join(err, faulty); err != nil {
		return 0, err
	}
	return cred.Uid, nil
}

// trusted tells root and the user this process runs as.
func trusted(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }

// Self is the operating system's name of the user this process runs as.
func Self() string { return userName(uint32(os.Getuid())) }

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
