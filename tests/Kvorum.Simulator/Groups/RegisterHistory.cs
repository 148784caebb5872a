using System.Buffers.Binary;
using System.Globalization;
using Kvorum.Raft;

namespace Kvorum.Simulator.Groups;

/// <summary>
/// What registers held at every index: the state machine of all members at once, since state machine safety,
/// which is checked, makes one of them. A command is the number of a register and of what is written.
/// </summary>
internal sealed class RegisterHistory(int registers)
{
    private readonly List<(ulong Index, string Value)>[] _written =
        [.. Enumerable.Range(0, registers).Select(static _ => new List<(ulong, string)>())];

    private ulong _newest;

    /// <summary>The command that writes a number to a register.</summary>
    public static byte[] Command(int register, ulong number)
    {
        var command = new byte[9];
        command[0] = (byte)register;
        BinaryPrimitives.WriteUInt64LittleEndian(command.AsSpan(1), number);
        return command;
    }

    /// <summary>A member has applied an entry.</summary>
    public void Apply(Entry entry)
    {
        if (entry.Index.Value <= _newest)
            return;
        _newest = entry.Index.Value;
        if (entry.Kind != EntryKind.Command)
            return;
        var number = BinaryPrimitives.ReadUInt64LittleEndian(entry.Data.Span[1..]);
        _written[entry.Data.Span[0]].Add((_newest, number.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>
    /// What a member that has applied so much holds in a register, and the index that wrote it; null and 0 if
    /// nothing did.
    /// </summary>
    public (string? Value, ulong Version) Read(int register, ulong applied)
    {
        var written = _written[register];
        var (low, high) = (0, written.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (written[middle].Index <= applied)
                low = middle + 1;
            else
                high = middle;
        }

        return low == 0 ? (null, 0) : (written[low - 1].Value, written[low - 1].Index);
    }
}
