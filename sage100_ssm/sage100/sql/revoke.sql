/*  Takes back what grant.sql gave: the role with its rights, the user, and the login if no database needs it any more.
    Reprend ce que grant.sql a donné : le rôle et ses droits, l'utilisateur, et le compte s'il ne sert plus nulle part.

    Run it as a member of sysadmin, once for each company database. It may be run again.
*/
SET NOCOUNT ON;

---- Parameters -------------------------------------------------------------------------------------------------------
DECLARE @database sysname = N'BIJOU';
DECLARE @login    sysname = N'sync_contacts';
DECLARE @drop_login bit   = 0;                 -- 1: drop the login, too; only if no other company database uses it
-------------------------------------------------------------------------------------------------------------------------

DECLARE @role sysname = N'contact_sync';
DECLARE @sql nvarchar(max);
DECLARE @there nvarchar(300) = QUOTENAME(@database) + N'.sys.sp_executesql';

IF DB_ID(@database) IS NULL
BEGIN
    RAISERROR(N'There is no database of this name: nothing was done.', 16, 1);
    RETURN;
END;

SET @sql = N'
DECLARE @user sysname = (SELECT name FROM sys.database_principals WHERE sid = SUSER_SID(@login));
IF @user IS NOT NULL AND IS_ROLEMEMBER(@role, @user) = 1
BEGIN
    DECLARE @leave nvarchar(max) = N''ALTER ROLE '' + QUOTENAME(@role) + N'' DROP MEMBER '' + QUOTENAME(@user) + N'';'';
    EXEC (@leave);
END;
IF @user IS NOT NULL AND @user <> N''dbo''
BEGIN
    DECLARE @forget nvarchar(max) = N''DROP USER '' + QUOTENAME(@user) + N'';'';
    EXEC (@forget);
END;
IF DATABASE_PRINCIPAL_ID(@role) IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM sys.database_role_members WHERE role_principal_id = DATABASE_PRINCIPAL_ID(@role))
BEGIN
    DECLARE @drop nvarchar(max) = N''DROP ROLE '' + QUOTENAME(@role) + N'';'';
    EXEC (@drop);
END;';
EXEC @there @sql, N'@login sysname, @role sysname', @login = @login, @role = @role;

IF @drop_login = 1 AND SUSER_ID(@login) IS NOT NULL
BEGIN
    SET @sql = N'DROP LOGIN ' + QUOTENAME(@login) + N';';
    EXEC (@sql);
END;
