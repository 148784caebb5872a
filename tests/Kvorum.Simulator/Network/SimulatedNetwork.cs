using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Network;

/// <summary>
/// The network between the machines, with the promises of <see cref="ITransport"/> and no more: in order and
/// at most once while a connection lasts, possibly not at all. Each node dials every other; a connection
/// carries frames one way and is told of its end, at once when the other process is gone, after a silence
/// when nothing gets through.
/// </summary>
internal sealed class SimulatedNetwork
{
    private readonly Endpoint?[] _endpoints;
    private readonly NodeId[] _ids;
    private readonly bool[] _hasPower;

    // How many faults keep a direction closed now.
    private readonly int[,] _cuts;
    private readonly double[,] _slowness;

    public SimulatedNetwork(SimulatedWorld world, NodeId[] ids, NetworkOptions options)
    {
        (World, Options, _ids) = (world, options, ids);
        _endpoints = new Endpoint?[ids.Length];
        _hasPower = new bool[ids.Length];
        _cuts = new int[ids.Length, ids.Length];
        _slowness = new double[ids.Length, ids.Length];
        Random = world.Random("network");
    }

    /// <summary>The run.</summary>
    public SimulatedWorld World { get; }

    /// <summary>How it behaves when nothing is wrong.</summary>
    public NetworkOptions Options { get; }

    /// <summary>Delays and the fate of frames.</summary>
    public RandomStream Random { get; }

    /// <summary>What befalls single frames now.</summary>
    public FrameFaults Frames { get; set; } = FrameFaults.None;

    /// <summary>How many machines there are.</summary>
    public int Machines => _ids.Length;

    /// <summary>Frames delivered.</summary>
    public long Delivered { get; private set; }

    /// <summary>The machine of a node.</summary>
    public int MachineOf(NodeId node) => Array.IndexOf(_ids, node);

    /// <summary>The node of a machine.</summary>
    public NodeId IdOf(int machine) => _ids[machine];

    /// <summary>The process that runs on a machine now; null if none.</summary>
    public Endpoint? At(int machine) => _endpoints[machine];

    /// <summary>A process starts on a machine.</summary>
    public Endpoint Connect(int machine)
    {
        _hasPower[machine] = true;
        return _endpoints[machine] = new(this, machine);
    }

    /// <summary>The process is gone; with the power, the whole machine is silent.</summary>
    public void Disconnect(int machine, bool isPowerLost)
    {
        _hasPower[machine] = !isPowerLost;
        _endpoints[machine]?.End(isPowerLost);
        _endpoints[machine] = null;
        if (isPowerLost)
            return;
        // The operating system closes the connections of a process that is gone.
        for (var peer = 0; peer < Machines; peer++)
            _endpoints[peer]?.LinkTo(machine)?.ReceiverGone();
    }

    /// <summary>True while the machine answers, if only by a refused connection.</summary>
    public bool HasPower(int machine) => _hasPower[machine];

    /// <summary>Frames do not arrive in this direction until <see cref="Mend"/>.</summary>
    public void Cut(int from, int to) => _cuts[from, to]++;

    /// <summary>Takes one cut back.</summary>
    public void Mend(int from, int to) => _cuts[from, to]--;

    /// <summary>The link takes so many times longer; 0 and 1 mean that it does not.</summary>
    public void Slow(int from, int to, double times) => _slowness[from, to] = times;

    /// <summary>How many times longer the link takes.</summary>
    public double SlownessOf(int from, int to) => Math.Max(1, _slowness[from, to]);

    /// <summary>True if frames get through in this direction.</summary>
    public bool IsOpen(int from, int to) => _cuts[from, to] == 0;

    /// <summary>True if a question gets through and so does its answer.</summary>
    public bool IsOpenBothWays(int a, int b) => IsOpen(a, b) && IsOpen(b, a);

    /// <summary>Everything gets through again.</summary>
    public void MendAll()
    {
        Array.Clear(_cuts);
        Array.Clear(_slowness);
        Frames = FrameFaults.None;
    }

    /// <summary>Hands a frame over, if the process it was sent to is still there.</summary>
    public void Deliver(Endpoint from, Endpoint to, PeerFrameKind kind, byte[] bytes)
    {
        if (!to.IsAlive || to.Receiver is not { } receiver)
            return;
        Delivered++;
        World.Trace.Event(
            Verbosity.Everything, TraceKind.Frame, to.Machine, Fingerprint.Of(bytes) ^ (ulong)from.Machine,
            $"gets {kind} of {bytes.Length} bytes from node-{from.Machine + 1}");
        receiver.Receive(IdOf(from.Machine), kind, bytes);
    }
}
