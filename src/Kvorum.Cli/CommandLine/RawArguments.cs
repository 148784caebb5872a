using System.Text;

namespace Kvorum.Cli.CommandLine;

/// <summary>
/// The program's arguments, exactly. .NET hands them over as text in which U+FFFD stands for whatever was no
/// UTF-8, so that different keys look the same; what was given is read from the system, where it tells.
/// </summary>
internal static class RawArguments
{
    private const string Source = "/proc/self/cmdline";
    private const char Replaced = '\ufffd';

    /// <summary>
    /// The arguments as <see cref="Bytes.Text"/> carries them. <see cref="FormatException"/> names one whose
    /// bytes the system does not tell.
    /// </summary>
    public static string[] Read(string[] decoded)
    {
        if (OperatingSystem.IsWindows())
            return Whole(decoded);
        if (!decoded.Any(static argument => argument.Contains(Replaced)))
            return decoded;
        return Exact(decoded, OperatingSystem.IsLinux() ? FromSystem() : []);
    }

    /// <summary>
    /// The same as a function of what .NET made of them, and of the system's own list: each argument with a
    /// zero byte behind it, the program and what it needed before ours.
    /// </summary>
    public static string[] Exact(string[] decoded, ReadOnlySpan<byte> system)
    {
        List<string> given = [];
        for (int end; (end = system.IndexOf((byte)0)) >= 0; system = system[(end + 1)..])
            given.Add(Bytes.Text(system[..end]));
        var isSame = given.Count > decoded.Length;
        var exact = isSame ? [.. given.Skip(given.Count - decoded.Length)] : decoded;
        for (var i = 0; i < decoded.Length; i++)
        {
            if (!decoded[i].Contains(Replaced) ? isSame && exact[i] != decoded[i]
                : !isSame || Folded(exact[i]) != Folded(decoded[i]))
            {
                throw new FormatException(
                    $"argument {i + 1} ('{decoded[i]}') holds bytes that are no UTF-8, and this system does "
                    + "not tell which: give them with --key-base64, --value-base64 or another flag that ends "
                    + "so");
            }
        }

        return exact;
    }

    /// <summary>
    /// The command line of this process as Linux keeps it: a zero byte behind each argument. Empty if it
    /// cannot be read.
    /// </summary>
    public static byte[] FromSystem()
    {
        try
        {
            return File.ReadAllBytes(Source);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // Windows has text of 16-bit units, which may be halves of characters; no bytes are meant by them.
    private static string[] Whole(string[] decoded)
    {
        for (var i = 0; i < decoded.Length; i++)
        {
            if (Bytes.WhyNoText(decoded[i]) is not null)
            {
                throw new FormatException(
                    $"argument {i + 1} holds half a character: give bytes that are no text with "
                    + "--key-base64, --value-base64 or another flag that ends so");
            }
        }

        return decoded;
    }

    // As many replacements as a decoder likes stand for one piece that is no text.
    private static string Folded(string text)
    {
        var folded = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            var one = c is >= '\udc80' and <= '\udcff' ? Replaced : c;
            if (one != Replaced || folded.Length == 0 || folded[^1] != Replaced)
                folded.Append(one);
        }

        return folded.ToString();
    }
}
