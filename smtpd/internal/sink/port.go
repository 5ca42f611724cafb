package sink

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreeAddr is an address for another program, where nobody listens by TCP or UDP. It is below the ports that the kernel
// gives to connections and to others' listeners, so nobody has it by the time the program opens it.
func FreeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		tcp, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		defer tcp.Close()
		if udp, err := net.ListenPacket("udp", addr); err == nil {
			defer udp.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}
