using Kvorum.Client;
using Kvorum.Protocol;

namespace Kvorum.Cli.CommandLine;

/// <summary>Addresses of nodes, as people write them.</summary>
internal static class Address
{
    /// <summary>What is asked for when a text is none.</summary>
    public const string Wanted = "give host:port, such as 127.0.0.1:50051, or several separated by commas";

    /// <summary>What to do about an address that cannot be dialled; null if it can.</summary>
    public static string? WhyWrong(string text)
    {
        // An environment variable is decoded before we see it.
        if (text.Contains('\ufffd', StringComparison.Ordinal))
            return "it holds bytes that are not UTF-8 text";
        return KvorumClient.IsAddress(text) ? null : Wanted + HostPort.Hint(text);
    }

    /// <summary>A port alone is one of this machine.</summary>
    public static string Spelled(string text) =>
        text.StartsWith(':') && text.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0
            ? $"127.0.0.1{text}" : text;
}
