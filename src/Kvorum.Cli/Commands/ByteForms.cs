using System.CommandLine;
using Kvorum.Cli.CommandLine;

namespace Kvorum.Cli.Commands;

/// <summary>How keys and values are printed.</summary>
internal enum ByteForm
{
    /// <summary>Quoted; in JSON as text, or in base64 if they are none.</summary>
    Text,

    /// <summary>In base64, always.</summary>
    Base64,

    /// <summary>In hexadecimal digits, always.</summary>
    Hex,
}

/// <summary>The flag of <see cref="ByteForm"/>.</summary>
internal static class ByteForms
{
    public static Option<string> Option() => Flag.Word(
        "--as",
        "How keys and values are printed; text: quoted, \\xNN for what is no text, base64 in JSON.",
        "text", "text", "base64", "hex");

    public static ByteForm Of(ParseResult parsed, Option<string> option) =>
        Enum.Parse<ByteForm>(parsed.GetValue(option)!, ignoreCase: true);

    /// <summary>name="text", name_base64=... or name_hex=...</summary>
    public static string Line(string name, ReadOnlySpan<byte> bytes, ByteForm form) => form switch
    {
        ByteForm.Base64 => $"{name}_base64={Convert.ToBase64String(bytes)}",
        ByteForm.Hex => $"{name}_hex={Convert.ToHexStringLower(bytes)}",
        _ => $"{name}={GoQuote.Of(bytes)}",
    };
}
