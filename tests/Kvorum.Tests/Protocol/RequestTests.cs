using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

public class RequestTests
{
    [Fact]
    public void The_family_is_closed_and_each_kind_has_its_number()
    {
        Assert.Equal(
            Enum.GetValues<RequestKind>(), EveryRequest.Full.Select(static request => request.Kind).Order());
        Assert.All(EveryRequest.Types, static type => Assert.True(type.IsSealed, type.Name));
        Assert.All(EveryRequest.Full, static request => Assert.Equal($"{request.Kind}Request",
            request.GetType().Name));
        // Outside the assembly no other kind can be made: only constructors of copies are left to heirs.
        Assert.All(
            new[] { typeof(Request), typeof(ReadRequest), typeof(WriteRequest) },
            static type => Assert.DoesNotContain(
                type.GetConstructors(
                    System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.Public
                    | System.Reflection.BindingFlags.NonPublic),
                constructor => constructor.GetParameters().Length == 0
                    && (constructor.IsPublic || constructor.IsFamily || constructor.IsFamilyOrAssembly)));
    }

    [Fact]
    public void A_request_is_a_read_or_a_write() => Assert.All(
        EveryRequest.Full,
        static request => Assert.Equal(
            (request is WriteRequest, request is ReadRequest), (request.IsWrite, !request.IsWrite)));

    [Fact]
    public void A_read_is_safe_to_repeat_and_a_write_with_a_client_id() => Assert.All(
        EveryRequest.Full.Concat(EveryRequest.About("k")),
        static request => Assert.Equal(
            request is not WriteRequest { ClientId: "" }, request.IsSafeToRepeat));

    [Fact]
    public void All_bytes_that_a_caller_gave_are_counted() => Assert.All(
        EveryRequest.Full,
        static request => Assert.Equal(
            EveryRequest.FieldsOf(request.GetType()).Select(field => field.GetValue(request))
                .OfType<ReadOnlyMemory<byte>>().Sum(static bytes => bytes.Length),
            request.DataBytes));
}
