//go:build race

package seal

// raceEnabled: with the race detector, sync.Pool drops at random and more escapes to the heap.
const raceEnabled = true
