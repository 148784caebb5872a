using System.Reflection;
using Kvorum.Node;
using Kvorum.Node.Events;

namespace Kvorum.Tests.Node.Events;

public class NodeEventTextTests
{
    private static readonly Type[] Kinds =
    [
        .. typeof(NodeEvent).Assembly.GetTypes()
            .Where(static type => type.IsSubclassOf(typeof(NodeEvent)) && !type.IsAbstract),
    ];

    [Fact]
    public void Every_kind_of_event_has_words_that_show_its_fields()
    {
        Assert.True(Kinds.Length > 15);
        foreach (var kind in Kinds)
        {
            var happened = Make(kind);
            var text = NodeEventText.Of(happened);
            foreach (var field in Texts(happened))
                Assert.Contains(field, text, StringComparison.Ordinal);
            Assert.False(text.EndsWith('.'), text);
        }
    }

    [Fact]
    public void Every_kind_of_event_has_a_number_of_its_own()
    {
        var numbers = Kinds.Select(static kind => Make(kind).Id).ToArray();
        Assert.Equal(numbers.Length, numbers.Distinct().Count());
        Assert.All(numbers, static number => Assert.InRange(number, 200, 299));
    }

    [Fact]
    public void An_issue_that_is_over_is_told_without_a_warning()
    {
        var over = new DiskRoomChanged("3 GiB", null);
        Assert.Equal("there is room on the disk again (3 GiB free)", NodeEventText.Of(over));
        Assert.False(over.IsWarning);
        Assert.True(new DiskRoomChanged("3 MiB", "almost full").IsWarning);
    }

    // Each parameter gets a value of its own.
    private static NodeEvent Make(Type kind)
    {
        var constructor = kind.GetConstructors().Single(static one => one.GetParameters() is not [var only]
            || only.ParameterType.IsValueType || only.ParameterType == typeof(string));
        return (NodeEvent)constructor.Invoke([.. constructor.GetParameters().Select(Value)]);
    }

    private static object? Value(ParameterInfo parameter) =>
        parameter.ParameterType == typeof(string) ? $"the {parameter.Name}"
            : parameter.ParameterType == typeof(PartitionId) ? new PartitionId(7)
            : parameter.ParameterType == typeof(ulong) ? 77ul
            : parameter.ParameterType == typeof(long) ? 78L
            : parameter.ParameterType == typeof(bool) ? true
            : parameter.ParameterType == typeof(Exception) ? new IOException("the cause")
            : throw new NotSupportedException($"{parameter.ParameterType} has no value here");

    // Where there is an issue, it says all; the free bytes are in it.
    private static IEnumerable<string> Texts(NodeEvent happened) =>
        happened.GetType().GetProperties()
            .Where(property => property.PropertyType == typeof(string)
                && !(happened is DiskRoomChanged && property.Name == nameof(DiskRoomChanged.Free)))
            .Select(property => (string)property.GetValue(happened)!);
}
