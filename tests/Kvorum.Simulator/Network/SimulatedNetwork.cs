using System.Globalization;
using Kvorum.Node;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Network;

/// <summary>
/// The network between the machines, with the promises of <see cref="ITransport"/> and no more: in order and
/// at most once while a connection lasts, possibly not at all. Each node dials the peers that it follows and
/// refuses others; a connection carries frames one way and is told of its end, at once when the other process
/// is gone, after a silence when nothing gets through. Machines do not move: the address says the machine.
/// </summary>
internal sealed class SimulatedNetwork
{
    private readonly Endpoint?[] _endpoints;
    private readonly bool[] _hasPower;

    // How many faults keep a direction closed now.
    private readonly int[,] _cuts;
    private readonly double[,] _slowness;

    public SimulatedNetwork(SimulatedWorld world, int machines, NetworkOptions options)
    {
        (World, Options) = (world, options);
        _endpoints = new Endpoint?[machines];
        _hasPower = new bool[machines];
        _cuts = new int[machines, machines];
        _slowness = new double[machines, machines];
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
    public int Machines => _endpoints.Length;

    /// <summary>Frames delivered.</summary>
    public long Delivered { get; private set; }

    /// <summary>Where nodes reach the one on a machine.</summary>
    public static string AddressOf(int machine) =>
        string.Create(CultureInfo.InvariantCulture, $"127.0.0.{machine + 1}:60050");

    /// <summary>The machine at such an address.</summary>
    public static int MachineAt(string address)
    {
        var end = address.LastIndexOf(':');
        var begin = address.LastIndexOf('.') + 1;
        return end > begin && int.TryParse(
                address.AsSpan(begin, end - begin), NumberStyles.None, CultureInfo.InvariantCulture,
                out var number)
            && number > 0 && address == AddressOf(number - 1)
                ? number - 1
                : throw new InvalidOperationException($"'{address}' is no address of a machine");
    }

    /// <summary>How long a frame is under way, drawn anew each time, in microseconds.</summary>
    public long Latency() => Options.LatencyUs + Random.Between(0, Options.JitterUs);

    /// <summary>How long a machine takes to close one connection of a process that was killed.</summary>
    public long Closing() => Options.ClosingUs > 0 ? Random.Between(0, Options.ClosingUs) : 0;

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
        {
            foreach (var link in _endpoints[peer]?.LinksTo(machine) ?? [])
                link.ReceiverGone();
        }
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

    /// <summary>
    /// Hands a frame over, if the process it was sent to is still there and follows the sender.
    /// </summary>
    public void Deliver(Endpoint from, Endpoint to, PeerFrameKind kind, byte[] bytes)
    {
        if (!to.IsAlive || to.Receiver is not { } receiver || !to.Follows(from.Hello.Id))
            return;
        // What an ended process has sent may come after the receiver has closed its end: it closes
        // connections
        // of programs that do not speak the cluster's new version.
        if (!from.IsAlive && !to.Hello.SpeaksWith(from.Hello))
            return;
        World.Require(
            to.Hello.Formats.Has(FormatRange.Of(kind)) && to.Hello.SpeaksWith(from.Hello),
            $"nodes speak what the other knows: node-{to.Machine + 1}, which speaks {to.Hello.Formats}, gets "
            + $"{kind} of node-{from.Machine + 1} in a cluster of {from.Hello.ActiveFormat}");
        Delivered++;
        World.Trace.Event(
            Verbosity.Everything, TraceKind.Frame, to.Machine, Fingerprint.Of(bytes) ^ (ulong)from.Machine,
            $"gets {kind} of {bytes.Length} bytes from node-{from.Machine + 1}");
        receiver.Receive(from.Hello.Id, kind, bytes);
    }
}
