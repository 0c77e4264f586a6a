using System.Buffers.Binary;
using Hybrid.Files;

namespace Hybrid.Data;

/// <summary>An array of bytes: what an IDX file holds.</summary>
/// <param name="Extents">The extent of each axis, slowest first.</param>
/// <param name="Values">All elements, row-major.</param>
public sealed record IdxArray(int[] Extents, byte[] Values);

/// <summary>The format of MNIST and its like: a header that says type and extents, then the elements. Plain or gzip.</summary>
/// <remarks>LeCun, Cortes and Burges, "The MNIST database of handwritten digits". Of its types only unsigned bytes are read.</remarks>
public static class IdxFile
{
    private const byte UnsignedByte = 0x08;
    private const int MaximumRank = 8;

    /// <summary>Reads the array of the file.</summary>
    /// <exception cref="DataFileException">
    /// The file cannot be read, is not IDX, holds another type than unsigned bytes, has no axis or more than eight, or has not the size
    /// that its extents say.
    /// </exception>
    public static IdxArray Read(string path)
    {
        var bytes = DataBytes.Read(path, "numbers");
        if (bytes is not [0, 0, _, _, ..]) throw new DataFileException(
            $"{path}: not an IDX file, which begins with two zero bytes, its type and its rank; restore the file or correct the path.");
        if (bytes[2] != UnsignedByte) throw new DataFileException(
            $"{path}: elements of type 0x{bytes[2]:X2}, and only unsigned bytes, 0x08, are read; convert the file.");
        if (bytes[3] is 0 or > MaximumRank)
            throw new DataFileException($"{path}: {bytes[3]} axes, expected 1 to {MaximumRank}; restore the file.");

        var extents = new int[bytes[3]];
        var header = 4 + 4 * extents.Length;
        if (bytes.Length < header)
            throw new DataFileException($"{path}: ends after {bytes.Length} of the {header} bytes of its header; restore the file.");
        long count = 1;
        for (var axis = 0; axis < extents.Length; axis++)
        {
            var extent = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(4 + 4 * axis));
            // Checked at every axis: a product of at most 2^31 times an extent below 2^32 fits into a long.
            count *= extent;
            if (extent > int.MaxValue || count > Array.MaxLength) throw new DataFileException($"{path}: axis {axis} of {extent} makes more "
                + $"than {Array.MaxLength} elements, which one array cannot hold; restore the file.");
            extents[axis] = (int)extent;
        }
        if (bytes.Length - header != count) throw new DataFileException($"{path}: [{string.Join(", ", extents)}] takes {count} bytes after "
            + $"the header, the file has {bytes.Length - header}; restore the file.");
        return new IdxArray(extents, bytes[header..]);
    }
}
