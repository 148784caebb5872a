using Kvorum.Storage.Files;

namespace Kvorum.Tests.Storage.Files;

/// <summary>What each error number of the system asks for: the table.</summary>
public class DiskErrorsTests
{
    [Theory]
    [InlineData(5, DiskErrorKind.Lasting)]      // EIO: a bad sector
    [InlineData(2, DiskErrorKind.Lasting)]      // ENOENT
    [InlineData(13, DiskErrorKind.Lasting)]     // EACCES
    [InlineData(30, DiskErrorKind.Lasting)]     // EROFS
    [InlineData(117, DiskErrorKind.Lasting)]    // EUCLEAN: the file system is damaged
    [InlineData(28, DiskErrorKind.NoRoom)]       // ENOSPC
    [InlineData(12, DiskErrorKind.NoResources)] // ENOMEM
    [InlineData(23, DiskErrorKind.NoResources)] // ENFILE
    [InlineData(24, DiskErrorKind.NoResources)] // EMFILE
    public void The_error_number_decides(int number, DiskErrorKind expected)
    {
        var error = new IOException("said by the system", number);
        Assert.Equal(expected, DiskErrors.KindOf(error));
        Assert.Equal(expected, DiskErrors.KindOf(new IOException("with the file's name", error)));
        Assert.Equal(expected, DiskErrors.KindOf(new DiskReadException("a/file", 7, error)));
    }

    [Fact]
    public void A_quota_is_room() => Assert.Equal(
        OperatingSystem.IsWindows() ? DiskErrorKind.Lasting : DiskErrorKind.NoRoom,
        DiskErrors.KindOf(new IOException("quota", OperatingSystem.IsMacOS() ? 69 : 122)));

    [Theory]
    [InlineData(unchecked((int)0x80070070), DiskErrorKind.NoRoom)]
    [InlineData(unchecked((int)0x80070004), DiskErrorKind.NoResources)]
    [InlineData(unchecked((int)0x80070017), DiskErrorKind.Lasting)] // a checksum of the disk is wrong
    public void So_does_that_of_Windows(int number, DiskErrorKind expected) =>
        Assert.Equal(expected, DiskErrors.KindOf(new IOException("said by the system", number)));

    [Fact]
    public void Errors_without_a_number_last()
    {
        Assert.Equal(DiskErrorKind.Lasting, DiskErrors.KindOf(new IOException("nothing more")));
        Assert.Equal(DiskErrorKind.Lasting, DiskErrors.KindOf(new FileNotFoundException("gone")));
        Assert.Equal(DiskErrorKind.NoRoom, DiskErrors.KindOf(new DiskFullException("full")));
    }

    [Fact]
    public void A_failed_read_says_where_and_why()
    {
        var error = new DiskReadException("7.table", 8192, new IOException("short", 5));
        Assert.Equal(8192, error.Offset);
        Assert.StartsWith("7.table: read at byte 8192: ", error.Message, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
            Assert.EndsWith("Input/output error (errno 5)", error.Message, StringComparison.Ordinal);
    }
}
