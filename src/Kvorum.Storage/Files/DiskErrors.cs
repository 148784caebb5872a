using Kvorum.Storage.Encryption;

namespace Kvorum.Storage.Files;

/// <summary>Classifies errors of the disk by the system's error number. Pure; any thread.</summary>
public static class DiskErrors
{
    // .NET gives a number of Linux or macOS as it is; one of Windows comes with this in front.
    private const int Windows = unchecked((int)0x80070000);

    /// <summary>
    /// The kind of an error; the first error number in its chain of causes decides.
    /// </summary>
    public static DiskErrorKind KindOf(Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is DiskFullException)
                return DiskErrorKind.NoRoom;
            if (cause is KeyException)
                return DiskErrorKind.OtherKey;
            if (KindOf(cause.HResult) is var kind and not DiskErrorKind.Lasting)
                return kind;
        }

        return DiskErrorKind.Lasting;
    }

    /// <summary>The system's text for the first cause that has a number, with that number.</summary>
    public static string TextOf(Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause.HResult is > 0 and < 4096)
                return $"{Posix.TextOf(cause.HResult)} (errno {cause.HResult})";
        }

        return error.GetBaseException().Message;
    }

    /// <summary>The kind of an error number, as .NET gives it.</summary>
    internal static DiskErrorKind KindOf(int number) => number switch
    {
        28 => DiskErrorKind.NoRoom,                                         // ENOSPC
        122 when !OperatingSystem.IsMacOS() => DiskErrorKind.NoRoom,        // EDQUOT on Linux
        69 when OperatingSystem.IsMacOS() => DiskErrorKind.NoRoom,          // EDQUOT on macOS
        12 or 23 or 24 => DiskErrorKind.NoResources,                        // ENOMEM, ENFILE, EMFILE
        Windows | 112 or Windows | 39 => DiskErrorKind.NoRoom,
        Windows | 4 or Windows | 8 or Windows | 14 => DiskErrorKind.NoResources,
        Windows | 1450 => DiskErrorKind.NoResources,
        _ => DiskErrorKind.Lasting,
    };
}
