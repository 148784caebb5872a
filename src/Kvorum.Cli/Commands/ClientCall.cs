using System.CommandLine;
using System.Net.Sockets;
using System.Text.Json;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Cli.Commands;

/// <summary>Runs what talks to a cluster, and tells failures in one line: what, where, what to do.</summary>
internal static class ClientCall
{
    /// <summary>What to do about not being known.</summary>
    public const string Unauthenticated = ". See --token-file, KVORUM_TOKEN, and --tls-cert";

    public static async Task<int> Run(ParseResult parsed, ClientFlags flags, Func<TextWriter, Task<int>> call)
    {
        var (output, errors) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        try
        {
            return await call(output).ConfigureAwait(false);
        }
        catch (KvorumException e)
        {
            if (flags.IsJson(parsed))
                await output.WriteLineAsync(
                    KeyOutput.OfFailure($"{e.Status}", e.Message, $"{e.Retry}")).ConfigureAwait(false);
            await Tell(e.Message + Advice(e, flags.Addresses(parsed))).ConfigureAwait(false);
            return e.Status is ReplyStatus.InvalidArgument or ReplyStatus.UnknownKeyspace
                ? ExitCode.Usage : ExitCode.NotOk;
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException
            or TimeoutException or FormatException or JsonException)
        {
            await Tell(
                $"no answer from {string.Join(", ", flags.Addresses(parsed))}: {e.Message.TrimEnd('.')}. Is "
                + "a node running there? See --addr").ConfigureAwait(false);
            return ExitCode.NotOk;
        }
        catch (ArgumentException e)
        {
            await Tell(e.Message).ConfigureAwait(false);
            return ExitCode.Usage;
        }

        Task Tell(string what) =>
            errors.WriteLineAsync($"{Mistakes.NameOf(parsed.CommandResult.Command)}: {what}");
    }

    private static string Advice(KvorumException e, string[] asked) => e switch
    {
        { Retry: RetryAdvice.SameIds } =>
            " It may or may not have happened: repeat it with the same --client and --req"
            + (e.Tried is { } tried ? $" and --tried {tried}" : "") + ", or read.",
        { Status: ReplyStatus.Unavailable or ReplyStatus.DeadlineExceeded } =>
            $" Is a node running at {string.Join(", ", asked)}, and a majority up? See --addr and kvorum "
            + "status.",
        { Status: ReplyStatus.Unauthenticated } => Unauthenticated,
        _ => "",
    };
}
