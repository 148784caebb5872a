using Kvorum.Node.Membership;

namespace Kvorum.Tests.Node.Membership;

public class JoinCodecTests
{
    private static readonly JoinAsk Ask = new(
        new(7), 0x0A0B, new("n", "a:1", "a:2", "") { Zone = "z1", Weight = 300 });

    private static readonly JoinAnswer Answer = new(JoinVerdict.Joined, "t")
    {
        ClusterId = 0x0A0B,
        Members = [new(new(1), "n1", "b:1"), new(new(7), "n", "a:1")],
        Version = 0x0102,
    };

    private static readonly string Zeros = new('0', 30);

    private static readonly string AskBytes = "01" + "07" + Zeros + "0b0a" + Zeros[..28]
        + "010000006e" + "03000000613a31" + "03000000613a32" + "00000000" + "020000007a31" + "2c010000";

    private static readonly string AnswerBytes = "01" + "01" + "0100000074" + "0b0a" + Zeros[..28]
        + "02000000" + "01" + Zeros + "020000006e31" + "03000000623a31" + "07" + Zeros
        + "010000006e" + "03000000613a31";

    private const string VersionBytes = "0201000000000000";

    [Fact]
    public void A_question_has_golden_bytes_and_is_read_back()
    {
        var ask = Ask with { Formats = new(1, 2) };
        Assert.Equal(AskBytes + "01000200", Convert.ToHexStringLower(JoinCodec.Encode(ask)));
        Assert.Equal(ask, JoinCodec.DecodeAsk(JoinCodec.Encode(ask)));
        // As a program of format version 1 asks.
        Assert.Equal(Ask, JoinCodec.DecodeAsk(Convert.FromHexString(AskBytes)));
    }

    [Fact]
    public void An_answer_has_golden_bytes_and_is_read_back()
    {
        Assert.Equal(AnswerBytes + VersionBytes, Convert.ToHexStringLower(JoinCodec.Encode(Answer)));
        var read = JoinCodec.DecodeAnswer(JoinCodec.Encode(Answer));
        Assert.Equal(Answer with { Members = read.Members }, read);
        Assert.Equal(Answer.Members, read.Members);
        // As a program of format version 1 answers.
        Assert.Null(JoinCodec.DecodeAnswer(Convert.FromHexString(AnswerBytes)).Version);
        var plain = new JoinAnswer(JoinVerdict.Elsewhere, "c:1");
        var found = JoinCodec.DecodeAnswer(JoinCodec.Encode(plain));
        Assert.Equal(plain with { Members = found.Members }, found);
        Assert.Empty(found.Members);
    }

    [Fact]
    public void What_is_cut_foundor_unknown_is_a_format_error()
    {
        byte[] ask = JoinCodec.Encode(Ask), answer = JoinCodec.Encode(Answer);
        for (var length = 0; length < ask.Length; length++)
        {
            if (length != AskBytes.Length / 2)
                Assert.ThrowsAny<FormatException>(() => JoinCodec.DecodeAsk(ask.AsMemory(0, length)));
        }

        for (var length = 0; length < answer.Length; length++)
        {
            if (length != AnswerBytes.Length / 2)
                Assert.ThrowsAny<FormatException>(() => JoinCodec.DecodeAnswer(answer.AsMemory(0, length)));
        }

        byte[] newerAsk = [2, .. ask[1..]], newerAnswer = [2, .. answer[1..]];
        byte[] verdict = [answer[0], 5, .. answer[2..]];
        Assert.Contains(
            "version 2", Assert.Throws<FormatException>(() => JoinCodec.DecodeAsk(newerAsk)).Message,
            StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => JoinCodec.DecodeAnswer(newerAnswer));
        Assert.Throws<FormatException>(() => JoinCodec.DecodeAnswer(verdict));
    }

    /// <summary>A number of members that no answer has room for ends where the bytes end.</summary>
    [Fact]
    public void A_number_of_members_that_cannot_be_is_a_format_error()
    {
        var bytes = JoinCodec.Encode(new JoinAnswer(JoinVerdict.Joined));
        foreach (var most in new byte[] { 0x7f, 0xff })
        {
            byte[] many = [.. bytes[..^4], 0xff, 0xff, 0xff, most];
            Assert.ThrowsAny<FormatException>(() => JoinCodec.DecodeAnswer(many));
        }
    }
}
