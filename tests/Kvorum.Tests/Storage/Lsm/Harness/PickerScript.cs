using System.Globalization;
using System.Text;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Compaction;

namespace Kvorum.Tests.Storage.Lsm.Harness;

/// <summary>
/// The commands of the picker's scripts; see testdata/README.txt. A table is written
/// number:smallest-largest/bytes, behind which may stand d and the percentage of deletes, and @ and its
/// greatest sequence number.
/// </summary>
internal sealed class PickerScript
{
    private Levels _levels = Levels.Empty;
    private CompactionTurns _turns = CompactionTurns.None;
    private ulong _oldestView = ulong.MaxValue;

    private CompactionOptions _options = new()
    {
        Level0Tables = 4,
        LevelBaseBytes = 100,
        LevelFactor = 10,
        TableBytes = 50,
        Level0BytesMax = 500,
    };

    /// <summary>Runs one command and gives what it prints.</summary>
    public string Run(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (words[0])
        {
            case "level":
                var level = int.Parse(words[1], CultureInfo.InvariantCulture);
                _levels = new Levels(_levels.Tables.SetItem(level, [.. words[2..].Select(Table)]));
                return "";
            case "view":
                _oldestView = ulong.Parse(words[1], CultureInfo.InvariantCulture);
                return "";
            case "inputs":
                var bytes = long.Parse(words[1], CultureInfo.InvariantCulture);
                _options = _options with { Level0BytesMax = bytes };
                return "";
            case "pick":
                return Pick();
            default:
                throw new ArgumentException($"no command '{words[0]}'");
        }
    }

    private string Pick()
    {
        var text = new StringBuilder();
        var choice = CompactionPicker.Pick(_levels, _turns, _oldestView, _options);
        var score = CompactionPicker.Score(_levels, _turns, _options);
        text.Append(CultureInfo.InvariantCulture, $"score {score:0.00}, ");
        if (choice is null)
            return text.Append("nothing to do\n").ToString();
        _turns = choice.Turns;
        text.Append(choice.IsMove ? "move" : "merge")
            .Append(CultureInfo.InvariantCulture, $" level {choice.Level} to {choice.OutputLevel}, ")
            .Append(CultureInfo.InvariantCulture, $"{choice.InputBytes} bytes, because of {choice.Reason}\n");
        for (var level = 0; level < Levels.Count; level++)
        {
            if (!_levels.Tables[level].IsEmpty)
                text.Append(CultureInfo.InvariantCulture, $"  {level}:{Draw(level, choice).TrimEnd()}\n");
        }

        return text.ToString();
    }

    // <inputs> and (what they overlap) are marked.
    private string Draw(int level, CompactionChoice choice) => string.Concat(
        _levels.Tables[level].Select(table =>
            choice.Inputs.Contains(table) ? $"  <{Text(table)}>"
            : choice.Overlapped.Contains(table) ? $"  ({Text(table)})" : $"   {Text(table)} "));

    private static string Text(TableInfo table)
    {
        var deletes = table.Deletes > 0 ? $"d{table.Deletes}" : "";
        var sequence = table.LargestSequence > 0 ? $"@{table.LargestSequence}" : "";
        var smallest = Encoding.ASCII.GetString(table.Smallest.Span);
        var largest = Encoding.ASCII.GetString(table.Largest.Span);
        return $"{table.Number}:{smallest}-{largest}/{table.Bytes}{deletes}{sequence}";
    }

    private static TableInfo Table(string word)
    {
        var sequence = Tail(ref word, '@');
        var deletes = Tail(ref word, 'd', from: word.IndexOf('/', StringComparison.Ordinal));
        var bytes = Tail(ref word, '/');
        var parts = word.Split(':', '-');
        return new TableInfo(
            ulong.Parse(parts[0], CultureInfo.InvariantCulture), bytes, 100, deletes,
            Encoding.ASCII.GetBytes(parts[1]), Encoding.ASCII.GetBytes(parts[2]), 0, (ulong)sequence);
    }

    private static long Tail(ref string word, char mark, int from = 0)
    {
        var at = word.IndexOf(mark, from);
        if (at < 0)
            return 0;
        var value = long.Parse(word.AsSpan(at + 1), CultureInfo.InvariantCulture);
        word = word[..at];
        return value;
    }
}
