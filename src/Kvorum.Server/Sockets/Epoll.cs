using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Kvorum.Server.Sockets;

/// <summary>
/// Linux's list of sockets that are ready (epoll(7), level-triggered), with a counter by which a thread that
/// waits for it is woken (eventfd(2)). One thread waits; all else may be called by any.
/// </summary>
internal sealed unsafe partial class Epoll : IDisposable
{
    /// <summary>There is something to read, or its end.</summary>
    public const uint Readable = 0x001;

    /// <summary>There is room to write.</summary>
    public const uint Writable = 0x004;

    /// <summary>An error, or both directions are closed: reported whether asked for or not.</summary>
    public const uint Broken = 0x008 | 0x010;

    private const uint OncePerWake = 1u << 31; // EPOLLET: signalled once, so the counter need not be read
    private const int AddOne = 1;
    private const int DeleteOne = 2;
    private const int ChangeOne = 3;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int Interrupted = 4; // EINTR
    private const int ReadyMax = 64;
    private const ulong WakeKey = ulong.MaxValue;

    // The kernel packs its struct on x86 only: elsewhere the key is aligned.
    private static readonly int KeyAt = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventBytes = KeyAt + sizeof(ulong);

    private readonly SafeFileHandle _epoll;
    private readonly SafeFileHandle _counter;
    private readonly byte[] _ready = GC.AllocateArray<byte>(ReadyMax * EventBytes, pinned: true);

    /// <summary><see cref="Win32Exception"/> if the kernel gives none.</summary>
    public Epoll()
    {
        _epoll = Opened(epoll_create1(CloseOnExec), "epoll_create1");
        _counter = Opened(eventfd(0, CloseOnExec | NonBlocking), "eventfd");
        Control(AddOne, (int)_counter.DangerousGetHandle(), WakeKey, Readable | OncePerWake);
    }

    /// <summary>Watches a socket for the given events; <paramref name="key"/> comes back with them.</summary>
    public void Add(SafeHandle socket, ulong key, uint events) =>
        Control(AddOne, (int)socket.DangerousGetHandle(), key, events);

    /// <summary>Watches it for other events from now on.</summary>
    public void Change(SafeHandle socket, ulong key, uint events) =>
        Control(ChangeOne, (int)socket.DangerousGetHandle(), key, events);

    /// <summary>Watches it no longer. Before it is closed.</summary>
    public void Delete(SafeHandle socket) => Control(DeleteOne, (int)socket.DangerousGetHandle(), 0, 0);

    /// <summary>Ends the wait of the waiting thread, or its next one.</summary>
    public void Wake()
    {
        ulong one = 1;
        _ = write(_counter, &one, sizeof(ulong));
    }

    /// <summary>
    /// Waits at most so many milliseconds, not at all for 0, and returns how many sockets are ready: ask
    /// <see cref="Ready"/> for each.
    /// </summary>
    public int Wait(int milliseconds)
    {
        var endMs = milliseconds > 0 ? Environment.TickCount64 + milliseconds : 0;
        while (true)
        {
            fixed (byte* ready = _ready)
            {
                var count = epoll_wait(_epoll, ready, ReadyMax, milliseconds);
                if (count >= 0)
                    return count;
            }

            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
                throw new Win32Exception(error, $"epoll_wait failed ({error})");
            // A signal, such as that of a child process that ends, is no wake.
            if (milliseconds > 0)
                milliseconds = (int)Math.Max(0, endMs - Environment.TickCount64);
        }
    }

    /// <summary>The socket of that number, and what it is ready for; none if it was a wake.</summary>
    public (ulong Key, uint Events) Ready(int number)
    {
        var at = _ready.AsSpan(number * EventBytes);
        var key = BinaryPrimitives.ReadUInt64LittleEndian(at[KeyAt..]);
        return key == WakeKey ? default : (key, BinaryPrimitives.ReadUInt32LittleEndian(at));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _epoll.Dispose();
        _counter.Dispose();
    }

    private void Control(int operation, int socket, ulong key, uint events)
    {
        var change = stackalloc byte[EventBytes];
        *(uint*)change = events;
        *(ulong*)(change + KeyAt) = key;
        if (epoll_ctl(_epoll, operation, socket, change) == 0)
            return;
        var error = Marshal.GetLastPInvokeError();
        throw new Win32Exception(error, $"epoll_ctl failed ({error})");
    }

    private static SafeFileHandle Opened(int descriptor, string call) => descriptor >= 0
        ? new(descriptor, ownsHandle: true)
        : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{call} failed");

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_ctl(SafeFileHandle epoll, int operation, int socket, byte* change);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_wait(SafeFileHandle epoll, byte* ready, int max, int milliseconds);

    [LibraryImport("libc")]
    private static partial nint write(SafeFileHandle counter, ulong* value, nint bytes);
}
